"""The look of the page, dark or light as the reader's device is; one column on a phone."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --bg: #fff; --ink: #1b1f24; --quiet: #667; --grid: #e4e6ea; --box: #f5f6f8;
  --bad: #b00020;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b8578f; --c4: #b57f00; --c5: #7b4fa3; --c6: #2f8fc4;
  --c7: #8b5a2b; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171b; --ink: #e6e8eb; --quiet: #9aa3ad; --grid: #2b3037;
  --box: #1d2127;
  --bad: #ff6b7d; --c0: #56a9e0; --c1: #ff9248; --c2: #2fcf9f; --c3: #e08fc0; --c4: #f0bd3f; --c5: #b592dd;
  --c6: #86cdf3; --c7: #cf9a68; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 16px; background: var(--bg); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.6em; line-height: 1.2; margin: .3em 0; } h2 { font-size: 1.2em; margin: 2em 0 .1em; }
a { color: var(--c0); } nav { display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 1em 0; font-size: .9em; }
.lead, .note { margin: .2em 0; } .note, .facts { color: var(--quiet); font-size: .88em; }
.missing { background: var(--box); border-left: 3px solid var(--quiet); padding: 8px 12px; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr));
  gap: 10px 18px; margin: 8px 0; }
.figures > :only-child { min-width: min(100%, 460px); } figure { margin: 0; } svg { width: 100%; height: auto;
  display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 6px 0; font-size: .88em; }
.legend i { display: inline-block; width: 18px; height: 4px; margin: 0 6px 3px 0; background: currentColor;
  border-radius: 2px; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
  .c4 { color: var(--c4); }
.c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); } .q { color: var(--quiet); }
  .bad { color: var(--bad); }
svg .l { fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linejoin: round; }
  svg .b { fill: currentColor; opacity: .14; }
svg .d, svg .f { fill: currentColor; } svg .x { fill: none; stroke: currentColor; stroke-width: 2.2; }
  svg .s { opacity: .55; }
svg .z { opacity: .08; } svg .r { stroke: currentColor; stroke-width: 1; } svg .g { stroke: var(--grid);
  stroke-width: 1; }
svg .dash { stroke-dasharray: 4 4; stroke-width: 1.2; } svg text { font: 11px system-ui, sans-serif;
  fill: var(--ink); }
svg .a { fill: var(--quiet); } svg .t { font-weight: 600; font-size: 12px; }
.scroll { overflow-x: auto; margin: 8px 0; } table { border-collapse: collapse; font-size: .88em;
  white-space: nowrap; }
th, td { text-align: right; padding: 3px 10px; border-bottom: 1px solid var(--grid); }
  th { color: var(--quiet); font-weight: 500; }
td.w, th.w { text-align: left; } td:first-child { position: sticky; left: 0; background: var(--bg);
  font-weight: 500; }
td.h { background: color-mix(in srgb, var(--c0) calc(var(--h) * 45%), transparent); }
dl { display: grid; grid-template-columns: minmax(110px, 190px) 1fr; gap: 3px 14px; margin: 8px 0; }
  dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; } details { border: 1px solid var(--grid); border-radius: 6px;
  padding: 6px 12px; margin: 6px 0; }
summary { cursor: pointer; font-weight: 600; } @media print { details { break-inside: avoid; }
  h2 { break-after: avoid; } }
"""
