"""Words by which people state what shall hold: rules and limits, preferences, goals and decisions, and replacements.

A short list for each language. Words of other languages are missing, and then a sentence is a fact like any other: it
is kept by its figures and names.
"""

import re
from enum import IntEnum
from functools import cached_property, lru_cache

# One pattern a kind: English first, then German, French, Spanish and Portuguese, Italian, Dutch, Russian, Turkish,
# Chinese, Japanese, Korean, Arabic and Hindi. Words of scripts without spaces need no boundaries.


class RuleLevel(IntEnum):
    """How firmly a statement holds; the firmest are rendered first."""

    RULE = 0
    PREFERENCE = 1
    GOAL = 2


class _Marks:
    """Words that mark a kind of statement; their pattern is compiled when it is first looked for, not at import.

    Args:
        words (str): Words or patterns of words, one a line.
        unspaced (str): A pattern of words in scripts without spaces; empty for none.
    """

    def __init__(self, words: str, unspaced: str = "") -> None:
        self._words, self._unspaced = words, unspaced

    @cached_property
    def pattern(self) -> "re.Pattern[str]":
        """The pattern of all the words."""
        joined = "|".join(self._words.split("\n"))
        bounded = rf"(?<!\w)(?:{joined})(?!\w)"
        return re.compile("|".join(filter(None, (bounded, self._unspaced))), re.IGNORECASE)

    def stand_in(self, sentence: str) -> bool:
        """Return whether a sentence holds one of the words."""
        return self.pattern.search(sentence) is not None


_MODAL = _Marks(
    r"""never
always
under no circumstances
without exception
in all cases
no matter (?:what|who|how|when)
until further notice
unless I (?:say|tell|ask)\w*
from (?:now|here|today|this point|tomorrow) on(?:wards?)?
going forward
henceforth
by default
(?:do not|don['’]t)
must(?:n['’]t)?
shall
(?:you|they|nobody|no one|anyone|everyone|everybody) (?:\w+ ){0,3}may
may (?:not|only)
(?:under|below|within|over|above|up to) [$€£]?\d[\d.,]*
nobody
no one
as long as
(?:permission|permitted|allowed|authori[sz]ed|approval)
should(?:n['’]t| not)
(?:not|never|isn['’]t|aren['’]t) (?:be )?(?:allowed|permitted|acceptable|to be)
(?:forbidden|prohibited|off[- ]limits|mandatory|non-negotiable|required)
at (?:most|least|the (?:latest|earliest|most|least))
no (?:more|less|fewer|later|earlier|longer) than
not (?:more|less|fewer|later|longer|exceed)\w*
(?:make|be) sure
niemals
nie
immer
höchstens
mindestens
spätestens
(?:ab jetzt|ab sofort|von (?:jetzt|nun) an|künftig)
(?:muss|müssen|darf|dürfen|verboten|auf keinen Fall|keinesfalls)
(?:jamais|toujours|interdit|obligatoire|au (?:plus|moins|maximum|minimum)|au plus tard)
(?:désormais|dorénavant|à partir de (?:maintenant|demain)|il (?:ne )?faut|doi(?:t|vent|s)|ne dépasse\w*)
(?:nunca|jamás|siempre|sempre|como (?:máximo|mínimo)|no máximo|no mínimo|al menos|pelo menos|a más tardar)
(?:a partir de (?:ahora|agora|hoy|hoje)|de ahora en adelante|daqui em diante|debe[ns]?|deve[mn]?|prohibido|proibido)
(?:d['’]ora in poi|al massimo|almeno|non più di|entro (?:il|le|la)|vietato|devono)
(?:nooit|altijd|hoogstens|minstens|uiterlijk|vanaf nu|moet|mag niet|mogen niet)
(?:никогда|всегда|не более|не менее|не позднее|с этого момента|отныне|нельзя|запрещено|обязательно|долж(?:ен|на|но|ны))
(?:asla|her zaman|en fazla|en az|bundan (?:sonra|böyle)|yasak)
(?:دائما|أبدا|يجب|لا يجوز|ممنوع|على الأكثر|من الآن فصاعدا)
(?:हमेशा|कभी नहीं|अधिकतम|कम से कम|ज़रूरी|मत)""",
    "[不别]要|必须|必須|永远|总是|一律|最多|至少|不得|不能|不可|不准|从现在起|从今以后|以后|今后|只能|务必|禁止|"
    "必ず|絶対に|決して|いつも|常に|今後|これから|しないで|ないでください|までに|以下に|以内|"
    "항상|절대|반드시|앞으로|하지 ?마|금지|이내",
)
_LIMIT = _Marks(
    r"""(?:maximum|minimum|limit|limits|limited to|cap|capped at|ceiling|budget|quota|threshold)
(?:deadline|deadlines|due (?:date|on|by|in)|by end of|by the end of)
by (?:mon|tues|wednes|thurs|fri|satur|sun)day
(?:rule|rules|policy)
(?:Frist|Obergrenze|Grenze|Limit|Budget|limite|plafond|délai|límite|tope|plazo|prazo|scadenza|лимит|срок|бюджет)""",
    "截止|上限|预算|予算|締め?切り|최대|최소|예산|마감",
)
_PREFERENCE = _Marks(
    r"""prefer\w*
(?:I|we)(?:['’]d| would) (?:rather|hate)
(?:I|we) (?:really |always |also )?(?:like|love|hate|dislike|can(?:not|['’]t) stand)(?! to (?:know|see|have|ask))
only
avoid\w*
stick to
instead of
rather than
keep in mind
please remember
note that
important
allergic\w*
vegetarian
vegan
call me
(?:bitte|nur|lieber|bevorzug\w*|am liebsten|soll(?:en|te|ten)?|vermeide\w*)
(?:préf[éè]r\w*|seulement|uniquement|évite\w*)
(?:prefier\w*|prefir\w*|preferiría|solo|sólo|apenas|somente|evit\w*)
(?:soltanto|evita\w*|liever|alleen|vermijd\w*)
(?:предпочита\w*|только|избега\w*|tercih\w*|sadece)
(?:केवल|فقط)""",
    "喜欢|喜歡|偏好|宁愿|只要|应该|好き|だけ|べき|좋아|선호|주세요",
)
_MANNER = re.compile(
    r"^(?:please )?(?:use|keep|answer|reply|respond|address|sign|speak|format) "
    r"(?:it|me|my|the|all|each|every|your|in|to|with|only)\b",
    re.IGNORECASE,
)
"""How sentences begin that say in which manner something is to be done."""

_MEASURE = re.compile(
    r"\bat (?:most|least)\b|\bno \w+ than\b|\b(?:under|below|within|over|above|up to|exceed) \D?\d", re.IGNORECASE
)

_GOAL = _Marks(
    r"""(?:goals?|objectives?|aims?|aiming|target|mission|purpose)
(?:we|I)(?:['’]ve| have)? (?:just |now |finally )?(?:decided|agreed|chose|chosen|settled|picked|approved)
decisions?
let['’]s (?:go|use|stick|do|take|keep)
go(?:ing)? with
(?:the|our|my) plan
(?:Ziel|Ziele|entschieden|beschlossen|vereinbart|Entscheidung|Plan)
(?:objectif|but|décidé|décision|convenu)
(?:objetivo|meta|decidi\w*|decisión|decisão|acord\w*)
(?:obiettivo|scopo|deciso|decisione|doel|besloten|afgesproken)
(?:цель|решили|решение|договорились|hedef|karar)""",
    "目标|目標|决定|決定|决议|计划|計画|目的|목표|결정|계획",
)
_REPLACEMENT = _Marks(
    r"""(?:is|are|it['’]s) now
now
actually
instead
change[ds]?
changing
updated?
revised?
correction
new
no longer
not anymore
any ?more
make (?:it|that)
(?:raise|raised|lower|lowered|increased?|reduced?|moved|extended|lift|lifted|cancel\w*)
(?:forget|ignore|scrap|scratch|drop|disregard)
from (?:now|here|today) on(?:wards?)?
(?:jetzt|nun|stattdessen|statt|geändert|neu(?:e|er|es)?|nicht mehr|doch|korrektur|vergiss)
(?:maintenant|désormais|finalement|plutôt|changé?|nouveau|nouvelle|ne .{1,20} plus|oublie[zs]?)
(?:ahora|agora|en realidad|na verdade|cambi\w*|mud\w*|nuev[oa]|nov[oa]|ya no|não .{1,20} mais|olvid\w*|esqueç\w*)
(?:adesso|ora|invece|cambiat\w*|nuov[oa]|non .{1,20} più|nu|voortaan|gewijzigd|niet meer)
(?:теперь|вместо|измен\w*|нов(?:ый|ая|ое)|больше не|забудь\w*|artık|şimdi|yeni|değişti)
(?:الآن|अब)""",
    "现在|改为|改成|改到|不再|新的|更正|更新|변경|이제|今は|変更|もう|新しい",
)
_NARRATIVE = re.compile(
    r"\b(?:I|we|he|she|they|it|who|that)(?:['’](?:ve|m|d|s|re)| have| has| had| am| was| is| were| are| would)?"
    r"(?: just| also| really| still)? (?:never|always|don['’]t|do not|doesn['’]t)\b"
    r"|\bdon['’]t (?:worry|you|mind|know|think|get me)\b|\bmust (?:have|be)\b",
    re.IGNORECASE,
)
"""Words that state how things are with somebody, rather than what shall hold."""

_PERSONAL = re.compile(
    r"(?:I|we)(?:['’](?:ll|d|m|re|ve)| think| thought| was| were| had| have| am| are)\b", re.IGNORECASE
)
"""How sentences begin in which people describe themselves: what these say holds less firmly."""

_ASKED = re.compile(r"(?:can|could|would|will) you\b", re.IGNORECASE)


def rule_level(sentence: str) -> RuleLevel | None:
    """Return how firmly a sentence says that something shall hold. `None` means that it does not, or only asks."""
    if sentence.rstrip("\"'”’)*_ ").endswith(("?", "？", "؟")) and not _ASKED.match(sentence):
        return None
    without_narrative = _NARRATIVE.sub(" ", sentence)
    if _MODAL.stand_in(without_narrative) or _LIMIT.stand_in(without_narrative):
        return RuleLevel.PREFERENCE if _PERSONAL.match(sentence) else RuleLevel.RULE
    if _PREFERENCE.stand_in(without_narrative) or _MANNER.match(without_narrative):
        return RuleLevel.PREFERENCE
    contradicts = replaces(sentence) and any(map(str.isdigit, sentence))
    return RuleLevel.GOAL if contradicts or _GOAL.stand_in(sentence) else None


@lru_cache(maxsize=4096)  # a rule is compared with all that came before
def replaces(sentence: str) -> bool:
    """Return whether a sentence says that something is otherwise from now on."""
    return _REPLACEMENT.stand_in(sentence)


@lru_cache(maxsize=4096)
def sets_limit(sentence: str) -> bool:
    """Return whether a sentence sets a limit of one thing, so that another figure for it is another limit."""
    return _LIMIT.stand_in(sentence) or _MEASURE.search(sentence) is not None


def without_rule_marks(sentence: str) -> str:
    """Return the sentence without the words of rules and replacements: what it is about."""
    for marks in (_MODAL, _PREFERENCE, _REPLACEMENT):
        sentence = marks.pattern.sub(" ", sentence)
    return sentence
