"""Texts: their words, the values that stand out in them, their error lines, and the documents they hold.

Every text is read here, for cutting, digest, recall and scores alike.
"""

from ._code import is_code, signatures
from ._delimited import DELIMITERS
from ._error_lines import ERROR_MARKS, error_lines, is_error_line, is_log, line_template
from ._fields import FieldRole, role_of_field
from ._foreign import encodable, indented, one_line
from ._html import is_html, text_of_html
from ._json_ends import read_ends
from ._reader import read_text
from ._recent import Recent
from ._rule_marks import RuleLevel, replaces, rule_level, sets_limit, without_rule_marks
from ._scorer import Scorer, rarity
from ._search import affordable_searches, hits
from ._sentences import split_sentences
from ._shapes import Found, Shape, find_values, names_in, occurrences, shape_of
from ._values import COUNTER, MORE, Document, Embedded, Gap, Number, Value, children_of
from ._words import is_function_word, stems_of, terms_of, words_of

__all__ = [
    "COUNTER",
    "DELIMITERS",
    "ERROR_MARKS",
    "MORE",
    "Document",
    "Embedded",
    "FieldRole",
    "Found",
    "Gap",
    "Number",
    "Recent",
    "RuleLevel",
    "Scorer",
    "Shape",
    "Value",
    "affordable_searches",
    "children_of",
    "encodable",
    "error_lines",
    "find_values",
    "hits",
    "indented",
    "is_code",
    "is_error_line",
    "is_function_word",
    "is_html",
    "is_log",
    "line_template",
    "names_in",
    "occurrences",
    "one_line",
    "rarity",
    "read_ends",
    "read_text",
    "replaces",
    "role_of_field",
    "rule_level",
    "sets_limit",
    "shape_of",
    "signatures",
    "split_sentences",
    "stems_of",
    "terms_of",
    "text_of_html",
    "without_rule_marks",
    "words_of",
]
