"""Pages as a reader sees them."""

import pytest

from autogen_budget._text import is_html, text_of_html

PAGE = """<?xml version="1.0"?>
<!DOCTYPE html>
<html><head><title>Shop &amp; more</title><style>a {}</style></head>
<body><!-- hidden --><h2>Offers</h2><ul><li>One</li><li>Two<br>lines</li></ul>
<p>See <a href="/more">more</a>, <a href="#top">up</a> or <a>none</a>.</p>
<table><tr><th>id</th><th>name</th></tr><tr><td>1</td><td>Jane</td></tr></table><script>var x = "</p>";</script>
</body></html>"""


def test_markup_is_left_out() -> None:
    """Title, headings, list items, links and table rows are told by plain signs; scripts and comments are gone."""
    assert text_of_html(PAGE).split("\n") == [
        "Shop & more",
        "## Offers",
        "- One",
        "- Two",
        "lines",
        "See more (/more), up or none.",
        "| id | name |",
        "| 1 | Jane |",
    ]


def test_deep_nesting_is_no_trouble() -> None:
    """A page nested deeper than the interpreter can follow is read all the same."""
    assert text_of_html("<div>" * 5_000 + "deep" + "</div>" * 5_000) == "deep"


def test_markup_that_cannot_be_read_gives_nothing() -> None:
    """What no parser takes is left to other ways of cutting."""
    assert text_of_html("<html><![n00b]>") == ""


@pytest.mark.parametrize(
    ("text", "is_page"),
    [
        (PAGE, True),
        ("\n<HTML lang='en'>", True),
        ("<div class='a'><p>text</p></div>" * 5, True),
        ("<note><to>Jane</to></note>" * 20, False),
        ("A text about <p> and <div> tags. " * 20, False),
        ("a < b", False),
    ],
)
def test_pages_are_told_by_their_beginning(text: str, is_page: bool) -> None:
    """A document type or enough tags at the beginning make a page."""
    assert is_html(text) is is_page
