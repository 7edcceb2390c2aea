"""The style sheet of the HTML report: light and dark, phone and desktop."""

from collections.abc import Iterable

LAYERS = (
    "system",
    "tools",
    "schema",
    "task",
    "summary",
    "digest",
    "working set",
    "history",
    "tool output",
    "recall",
    "images",
)
"""Layers in the order in which they are stacked, from the ground: first what stays, then what changes."""

_LIGHT = (
    "#1b4965",
    "#2a7f9e",
    "#7fb7be",
    "#7a5195",
    "#b08ac0",
    "#d5b9e0",
    "#9c8fd0",
    "#5b8c5a",
    "#d9822b",
    "#c0392b",
    "#8d6e63",
)
_DARK = (
    "#5fa8d3",
    "#3d7ea6",
    "#a9d6e5",
    "#b388eb",
    "#8e6bbf",
    "#dcc6f0",
    "#a99be0",
    "#8fc78a",
    "#f0a35e",
    "#ef7b6c",
    "#bcaaa4",
)


def layer_order(layers: Iterable[str]) -> list[str]:
    """Sort layers as they are stacked; those that this version does not know come last."""
    known = {layer: place for place, layer in enumerate(LAYERS)}
    return sorted(layers, key=lambda layer: (known.get(layer, len(known)), layer))


def layer_colour(layer: str) -> str:
    """Return the CSS colour of a layer."""
    return f"var(--l{LAYERS.index(layer)})" if layer in LAYERS else "var(--other)"


def _colours(values: Iterable[str]) -> str:
    return ";".join(f"--l{place}:{value}" for place, value in enumerate(values))


STYLE = f"""
:root{{color-scheme:light dark;--bg:#fff;--panel:#f5f6f8;--text:#1b1f24;--soft:#57606a;--line:#d0d7de;--cap:#b3261e;
--accent:#0b5cad;--wait:#8a6d00;--model:#1f6f54;--tool:#7a4fa3;--other:#6e7781;{_colours(_LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{--bg:#0f1318;--panel:#191f27;--text:#e8ecf1;--soft:#a5b0bd;--line:#36404c;
--cap:#ff8a80;--accent:#7cb8ff;--wait:#e3b341;--model:#56c596;--tool:#c297ff;--other:#9aa4af;{_colours(_DARK)}}}}}
*{{box-sizing:border-box}}
body{{margin:0 auto;max-width:74rem;padding:1rem;background:var(--bg);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}}
h1{{font-size:1.5rem;margin:.5rem 0}}h2{{font-size:1.2rem;margin:2rem 0 .5rem}}
h3{{font-size:1rem;margin:1.25rem 0 .25rem}}
p{{margin:.25rem 0}}.soft{{color:var(--soft)}}
a,summary{{color:var(--accent)}}summary{{cursor:pointer;padding:.35rem 0}}
:focus-visible{{outline:3px solid var(--accent);outline-offset:2px}}
.cards{{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.5rem;margin:1rem 0;padding:0}}
.cards div{{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem}}
.cards dt{{color:var(--soft);font-size:.85rem}}.cards dd{{margin:0;font-size:1.25rem;overflow-wrap:anywhere;
font-variant-numeric:tabular-nums}}
ol.findings{{padding-left:1.5rem}}ol.findings li{{margin:.75rem 0}}
pre{{background:var(--panel);border:1px solid var(--line);border-radius:.4rem;padding:.5rem;margin:.25rem 0;
white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}}
figure{{margin:.5rem 0 1rem}}figcaption{{color:var(--soft);font-size:.9rem}}
.plot{{position:relative;height:14rem;margin:.75rem 0 0 4.5rem;border-left:1px solid var(--line);
border-bottom:1px solid var(--line)}}
.plot svg{{position:absolute;inset:0;width:100%;height:100%}}
.plot span{{position:absolute;right:calc(100% + .35rem);transform:translateY(-50%);font-size:.8rem;color:var(--soft);
white-space:nowrap;font-variant-numeric:tabular-nums}}.plot span.cap{{color:var(--cap);font-weight:600}}
.ends{{display:flex;justify-content:space-between;margin-left:4.5rem;font-size:.8rem;color:var(--soft)}}
.lanes .plot{{height:2rem;margin-left:0;border-left:0}}.lanes .ends{{margin-left:0}}
.key{{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;padding:0;margin:.5rem 0;font-size:.9rem}}
.key i,td i{{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;margin-right:.35rem;
vertical-align:-.05rem;background:var(--c);border:1px solid var(--line)}}
.scroll{{overflow-x:auto;max-height:36rem;overflow-y:auto;border:1px solid var(--line);border-radius:.4rem}}
table{{border-collapse:collapse;width:100%;font-size:.87rem;font-variant-numeric:tabular-nums}}
th,td{{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}}
thead th{{position:sticky;top:0;background:var(--panel);white-space:nowrap}}
.n{{text-align:right;white-space:nowrap}}td svg{{width:100%;min-width:6rem;height:.8rem;display:block}}
.calls td:last-child{{min-width:14rem}}.calls tr{{content-visibility:auto}}
"""
