"""What is kept of logs, tables, source code and prose."""

import builders
from autogen_budget import TiktokenCounter

COUNTER = TiktokenCounter()


def cut(text: str, limit: int = 300, *hints: str) -> str:
    """A cut that names an artifact."""
    result = builders.cut(text, limit, *hints, reference="a1b2c3")
    assert COUNTER.count_text(result) <= limit
    return result


def log(lines: int) -> list[str]:
    """A log without anything remarkable."""
    return [f"2026-03-01 12:{i // 60 % 60:02}:{i % 60:02} INFO served order {i} in {i % 9} ms" for i in range(lines)]


TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "/srv/app/pay.py", line 88, in charge',
    "    gateway.charge(card, amount)",
    '  File "/srv/app/gateway.py", line 17, in charge',
    "    raise GatewayError(code)",
    "app.errors.GatewayError: card declined",
]


def test_a_log_keeps_its_ends_errors_and_tracebacks() -> None:
    """First and last lines, every error and the whole of a traceback survive; the notice tells where to read on."""
    lines = [*log(400), "2026-03-01 12:07:00 ERROR no route to host", *log(400), *TRACEBACK, *log(400), "exit status 3"]
    kept = cut("\n".join(lines), 400)
    assert kept.startswith(lines[0])
    assert kept.endswith("exit status 3")
    assert "ERROR no route to host" in kept
    assert "\n".join(TRACEBACK) in kept
    assert 'characters left out; read_artifact("a1b2c3:' in kept


def test_gaps_and_lines_kept_add_up_to_the_whole() -> None:
    """The notice and the markers tell of every line that is not there."""
    text = "\n".join([*log(500), *TRACEBACK, *log(500)])
    kept = cut(text).split("\n")
    notice = next(line for line in kept if line.startswith("[cut: "))
    assert int(notice.split()[1].replace(",", "")) + sum(not line.startswith("[") for line in kept) == 1_006


def test_repeated_lines_are_folded_with_a_count() -> None:
    """Of lines that repeat, one is kept with the number of those that are not."""
    plan = [f"Step {i} of the plan was carried out as planned." for i in range(100)]
    kept = cut("\n".join([*plan, *["retrying 10.0.0.1"] * 300, "gave up"]), 200)
    assert "retrying 10.0.0.1\n[... 299 lines like the one above]\ngave up" in kept


def test_lines_the_hints_ask_for_come_before_others() -> None:
    """A line that shares a rare word with the call's arguments survives from the middle of a text."""
    lines = [f"The visitor number {i} wrote about the weather." for i in range(600)]
    assert "visitor number 317 wrote" in cut("\n".join(lines), 300, '{"visitor": 317}')
    assert "visitor number 317 wrote" not in cut("\n".join(lines), 300)


def test_a_table_keeps_its_header_and_rows_at_both_ends() -> None:
    """Of separated values the header, first and last rows and the rows asked for keep what identifies them."""
    rows = [f"ORD-{i},person{i}@example.com" for i in range(500)]
    text = "\n".join(["order,email,total", *(f"{row},{i * 1.5}" for i, row in enumerate(rows))])
    *kept, notice = cut(text, 200, "ORD-250").split("\n")
    assert kept[:2] == ["order,email", rows[0]]
    assert kept[-1] == rows[-1]
    assert rows[250] in kept
    assert all(line in rows for line in kept[1:] if not line.startswith("[cut: "))
    assert "among them the fields total;" in notice


def test_source_code_keeps_signatures_before_bodies() -> None:
    """Functions are still named when their bodies are gone."""
    body = "\n".join(f"    total_{i} = price * {i} + 1" for i in range(30))
    code = "\n\n".join(f"def function_{i}(price: int) -> int:\n{body}\n    return price" for i in range(8))
    kept = cut("import os\n\n" + code, 300)
    assert all(f"def function_{i}(price: int) -> int:" in kept for i in range(8))


def test_names_of_what_is_left_out_are_told() -> None:
    """A gap names paths, addresses and identifiers that stand in it."""
    prose = ["It was a dark and stormy night in the little town by the sea."] * 3
    lines = [f"{line} {i}" for i in range(40) for line in prose]
    lines[60] = "Somebody had left src/harbour/light_house.py open, and nobody knew why it was so."
    assert "src/harbour/light_house.py" in cut("\n".join(lines), 160)


def test_where_everything_is_a_name_none_is_told() -> None:
    """In a list of files the room is for files, not for telling which are missing."""
    kept = cut("\n".join(f"src/shop/module_{i}/order_{i * 7}.py" for i in range(200)))
    assert "among them" not in kept
    assert all(line.startswith(("src/", "[cut: ", "[... ")) for line in kept.split("\n"))


def test_a_single_long_line_is_cut_between_sentences() -> None:
    """A text without line feeds keeps sentences of its beginning and its end."""
    text = " ".join(f"Sentence number {i} says nothing new." for i in range(600))
    kept = cut(text, 200)
    assert kept.startswith("Sentence number 0 says")
    assert kept.endswith("Sentence number 599 says nothing new.")
    assert 'read_artifact("a1b2c3")' in kept


def test_a_small_limit_leaves_head_and_tail() -> None:
    """Where the notice would take more than half of the room, its brief form stands between the ends."""
    kept = cut("\n".join(f"line {i} of the text" for i in range(100)), 45)
    assert kept.startswith("line 0 of the text\n")
    assert '\n[cut; read_artifact("a1b2c3:' in kept
    assert kept.endswith("line 99 of the text")


def test_a_page_becomes_its_text() -> None:
    """Of HTML the text and the links are kept, without markup."""
    items = "".join(f"<tr><td>P-{i}</td><td><b>Thing {i}</b></td></tr>" for i in range(300))
    head = "<!DOCTYPE html><html><head><title>Shop</title></head>"
    page = f"{head}<body><h1>Things</h1><table>{items}</table></body></html>"
    kept = cut(page, 2_000)
    assert kept.startswith("Shop\n# Things\n| P-0 |\n")
    assert kept.split("\n")[-2] == "| P-299 |"
    assert f"of {len(page):,} characters left out" in kept
    assert "<" not in kept


def test_a_page_whose_text_fits_says_that_it_was_rewritten() -> None:
    """When only markup is left out, the notice stands at the end."""
    page = "<!DOCTYPE html><html><body>" + "<div class='a'><span>" * 200 + "All there is." + "</span></div>" * 200
    assert cut(page, 100).startswith("All there is.\n[cut: ")


def test_a_large_page_has_ends() -> None:
    """Of a large page the text of both ends is kept, and the notice counts its markup."""
    page = "<!DOCTYPE html><html><body>" + "".join(f"<p class='x'>Paragraph {i}</p>\n" for i in range(9_000))
    kept = cut(page)
    assert kept.startswith("Paragraph 0\nParagraph 1\n")
    assert kept.endswith("Paragraph 8999")
    assert f"of {len(page):,} characters left out" in kept


def test_a_text_shorter_than_any_notice_is_still_cut() -> None:
    """A few characters of many tokens never become longer."""
    text = "\U0001faa2\U0001fabc" * 20
    kept = builders.cut(text, 70)
    assert len(kept) <= len(text)
    assert kept.startswith(text[:5])
    assert "[cut]" in kept


def test_a_page_without_text_is_cut_like_any_text() -> None:
    """Markup that holds no text is not mistaken for nothing."""
    page = "<!DOCTYPE html><html><head><script>" + "var x = 1;\n" * 500 + "</script></head></html>"
    assert cut(page).startswith("<!DOCTYPE html>")


def test_what_was_cut_before_is_cut_again_with_true_figures() -> None:
    """The second notice counts from the whole text, and gaps are added up."""
    text = "\n".join([*log(500), *TRACEBACK, *log(500)])
    kept = builders.cut(cut(text, 500), 250, reference="a1b2c3").split("\n")
    notice = next(line for line in kept if line.startswith("[cut: "))
    assert " of 1,006 lines, " in notice
    assert f" of {len(text):,} characters left out" in notice
    assert int(notice.split()[1].replace(",", "")) + sum(not line.startswith("[") for line in kept) == 1_006
