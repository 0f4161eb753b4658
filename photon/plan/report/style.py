"""The page's style. The colours are Okabe and Ito's, which the colour-blind can tell apart."""

from __future__ import annotations

from typing import Final

_LIGHT: Final = (
    "--paper:#fff;--ink:#1c2126;--faint:#5a6570;--rule:#d9dee3;--soft:#f3f5f7;--away:#d55e0022;"
    "--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#cc79a7;--s4:#e69f00;--s5:#56b4e9;--s6:#806000;"
    "--s7:#5a6570;--cold:#eef2f5;--hot:#0b4f86"
)
_DARK: Final = (
    "--paper:#14181c;--ink:#e6e9ec;--faint:#9aa5b0;--rule:#323a42;--soft:#1d2329;--away:#ff8a4a2b;"
    "--s0:#56a8e0;--s1:#f08040;--s2:#2fc49a;--s3:#e29cc4;--s4:#f0b840;--s5:#8fd0f5;--s6:#c0a050;"
    "--s7:#9aa5b0;--cold:#242b32;--hot:#7cc4f8"
)
_SERIES: Final = "".join(f".s{n}{{fill:var(--s{n})}}.l{n}{{stroke:var(--s{n})}}" for n in range(8))
_HEAT: Final = "".join(
    f".h{n}{{fill:color-mix(in srgb,var(--hot) {n * 11}%,var(--cold))}}" for n in range(10)
)

STYLE: Final = (
    f":root{{{_LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
    "@media print{:root{" + _LIGHT + "}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}"
    "header,main{max-width:920px;margin:0 auto;padding:0 20px}"
    "header{padding-top:28px}h1{font-size:26px;margin:0 0 6px;line-height:1.2}"
    "h2{font-size:19px;margin:36px 0 8px;padding-top:10px;border-top:1px solid var(--rule)}"
    "#s0 h2{border:0;margin-top:8px}"
    "nav a{color:var(--s0);margin-right:16px;text-decoration:none}"
    "nav a:hover{text-decoration:underline}"
    "p{margin:8px 0}ul{margin:8px 0;padding-left:20px}li{margin:3px 0}"
    "figure{margin:16px 0}figcaption{color:var(--faint);font-size:13px;margin-top:4px}"
    "svg.plot{width:100%;height:auto;display:block}"
    "svg text{fill:var(--ink);font-size:12px}svg text.small{fill:var(--faint);font-size:11px}"
    "svg .grid{stroke:var(--rule)}svg .mark line{stroke:var(--faint);stroke-dasharray:3 3}"
    "svg .away{fill:var(--away)}svg .line{fill:none;stroke-width:1.8;stroke-linejoin:round}"
    "svg .heat{stroke:var(--rule);stroke-width:.6}"
    + _SERIES + _HEAT +
    ".scroll{overflow-x:auto;margin:12px 0}"
    "table{border-collapse:collapse;font-size:13.5px;width:100%}"
    "th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--rule);"
    "vertical-align:top}"
    "th{color:var(--faint);font-weight:600;white-space:nowrap}"
    "th.n,td.n{text-align:right;font-variant-numeric:tabular-nums}"
)  # fmt: skip
