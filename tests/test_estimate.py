"""The estimate without a vocabulary: never below the real counts on usual text, and not far above."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mixed_text
from autogen_budget._estimate import estimate
from autogen_budget._tally import Tally
from autogen_budget._vocabulary import Vocabulary

VOCABULARIES = [Vocabulary(name) for name in ("o200k_base", "cl100k_base")]

SAMPLES = {
    "chinese": "请根据以下资料撰写一份报告，并在最后给出建议。数据库连接池的大小应当根据并发量进行调整。",
    "japanese": "システムがピーク時に遅くなるため、原因を調査してください。会議は水曜日の午前十時に始まります。",
    "korean": "시스템이 바쁜 시간에 느려지므로 오류 로그를 확인해 주세요. 먼저 데이터를 백업한 후 업데이트하세요.",
    "hindi": "प्रणाली व्यस्त समय में धीमी गति से काम कर रही है। कृपया इस रिपोर्ट को शुक्रवार तक तैयार करें।",
    "thai": "ระบบทำงานช้าในช่วงเวลาเร่งด่วน กรุณาตรวจสอบบันทึกข้อผิดพลาดและแจ้งผู้ดูแลระบบ",
    "russian": "Система работает медленно в часы пик, необходимо проверить журнал ошибок и подготовить отчёт.",
    "arabic": "يعمل النظام ببطء في ساعات الذروة، يرجى التحقق من سجل الأخطاء.",
    "hebrew": "המערכת פועלת לאט בשעות העומס, יש לבדוק את יומן השגיאות.",
    "greek": "Το σύστημα λειτουργεί αργά τις ώρες αιχμής, ελέγξτε το αρχείο σφαλμάτων.",
    "german": "Das System arbeitet zu Stoßzeiten langsam, bitte überprüfen Sie das Fehlerprotokoll.",
    "french": "Le système fonctionne lentement aux heures de pointe, veuillez vérifier le journal des erreurs.",
    "spanish": "El sistema funciona lentamente en las horas punta; revise el registro de errores.",
    "emoji": "😀😂🚀🔥👍🏽❤️🎉✅⚠️📈🇩🇪👨‍👩‍👧",
    "script": '!function(e,t){"object"==typeof exports?module.exports=t():e.V=t()}(this,function(){var n=e[0]||{};})',
    "html": '<a href="https://example.com/items/42?ref=home" class="btn btn-primary">Buy</a><li data-id="7f3a">',
    "sql": "SELECT u.id, COUNT(o.id) AS orders FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id;",
    "shouting": "IMPORTANT NOTICE: THE SYSTEM WILL BE DOWN FOR MAINTENANCE TONIGHT.",
    "hexadecimal": " ".join(f"{number * 37 % 256:02x}" for number in range(200)),
    "identifier": "7f3a9c21-4b8e-4d2f-9a61-c0ffee254b1d",
}
FURTHEST = 2  # times the higher of both counts


def real(text: str) -> int:
    """The higher count of both vocabularies."""
    return max(vocabulary.measure(text).total for vocabulary in VOCABULARIES)


@pytest.mark.parametrize("language", SAMPLES)
def test_samples_are_counted_from_above(language: str) -> None:
    """Languages, scripts and markup are never counted too low, nor more than twice as high."""
    assert real(SAMPLES[language]) <= estimate(SAMPLES[language]).total <= FURTHEST * real(SAMPLES[language])


@pytest.mark.parametrize("kind", mixed_text.KINDS)
@given(seed=st.integers(0, 10_000), size=st.integers(200, 3_000))
def test_generated_text_is_counted_from_above(kind: str, seed: int, size: int) -> None:
    """Prose, code, JSON, tables, logs and Chinese are never counted too low, nor more than twice as high."""
    text = mixed_text.KINDS[kind](random.Random(seed), size)
    assert real(text) <= estimate(text).total <= FURTHEST * real(text)


@given(seed=st.integers(0, 10_000))
def test_base64_is_counted_from_above(seed: int) -> None:
    """Encoded bytes, the densest of usual texts, are not counted too low."""
    text = base64.b64encode(random.Random(seed).randbytes(900)).decode()
    assert real(text) <= estimate(text).total <= FURTHEST * real(text)


@pytest.mark.parametrize("text", [" " * 500, "\n" * 50, "\t" * 300, "-" * 80, "a" * 1_000, "\r\n" * 40, "    \n" * 40])
def test_runs_are_counted_from_above(text: str) -> None:
    """Blanks, rules and repeated characters are not counted too low."""
    assert estimate(text).total >= real(text)


@given(text=st.text() | st.text(st.characters(), max_size=10))
def test_any_text_has_an_estimate(text: str) -> None:
    """No text is refused, and the second measures are the exact ones."""
    measured = VOCABULARIES[0].measure(text)
    guessed = estimate(text)
    assert (guessed.digit_characters, guessed.script_bytes) == (measured.digit_characters, measured.script_bytes)
    assert guessed.total >= 0


def test_kinds_are_told_apart() -> None:
    """What is estimated is split by kind as a real count is."""
    assert estimate("") == Tally()
    assert estimate("Hi there") == Tally(letters=2)
    assert estimate("\n") == Tally(spaces=1)
    assert estimate("({") == Tally(symbols=1)
    assert estimate("1234") == Tally(digits=2, digit_characters=4)
    assert estimate("中") == Tally(scripts=2, script_bytes=3)
