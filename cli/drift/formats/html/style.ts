/** How the page looks: in light and dark, in narrow windows, and on paper. */
import { Markup } from "../markup";

export const style = new Markup(`
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2024; --faint: #57606a; --line: #d0d7de; --panel: #f6f8fa; --link: #0a58ca;
  --drift: #a1211b; --drift-paper: #fdecea;
  --untold: #57399b; --untold-paper: #f0ebfb;
  --expiring: #7a4f00; --expiring-paper: #fff3d6;
  --passed-over: #4d555e; --passed-over-paper: #eceff2;
  --in-sync: #17632f; --in-sync-paper: #e6f5ea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --ink: #e6e9ec; --faint: #a3acb5; --line: #3a4149; --panel: #1d2125; --link: #8ab8ff;
    --drift: #ff9c94; --drift-paper: #3d1a18;
    --untold: #c9b8ff; --untold-paper: #2b2247;
    --expiring: #ffcb6b; --expiring-paper: #3b2b09;
    --passed-over: #b6bfc8; --passed-over-paper: #272c32;
    --in-sync: #82dc9d; --in-sync-paper: #15311e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem; max-width: 90rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 1.75rem; }
h2 { margin: 2rem 0 0.75rem; font-size: 1.25rem; }
h3 { margin: 0; font-size: 0.95rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
code { font: 0.9em/1.4 ui-monospace, monospace; }
small { display: block; color: var(--faint); }
ul { margin: 0; padding: 0 0 0 1.25rem; }
.outcome { margin: 0.5rem 0; font-size: 1.25rem; font-weight: 600; }
.badge {
  display: inline-block; padding: 0 0.5em; border: 1px solid; border-radius: 1em;
  font-weight: 600; overflow-wrap: normal;
}
main .badge { font-size: 0.85rem; white-space: nowrap; }
.drift { --tone: var(--drift); --tone-paper: var(--drift-paper); }
.untold { --tone: var(--untold); --tone-paper: var(--untold-paper); }
.expiring { --tone: var(--expiring); --tone-paper: var(--expiring-paper); }
.passed-over { --tone: var(--passed-over); --tone-paper: var(--passed-over-paper); }
.in-sync { --tone: var(--in-sync); --tone-paper: var(--in-sync-paper); }
.badge, .cells li { color: var(--tone); background: var(--tone-paper); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: 0; }
dt { color: var(--faint); }
dd { margin: 0; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin-top: 1rem; list-style: none; padding: 0; }
.facts ul, .legend, .fleet, .cells { list-style: none; padding: 0; }
.scrolling { overflow-x: auto; }
table { width: 100%; min-width: 36rem; border-collapse: collapse; }
th, td { padding: 0.4rem 0.75rem 0.4rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
th[scope="row"] { font-weight: 400; }
thead th { border: 0; color: var(--faint); font-weight: 600; }
th[scope="rowgroup"] { padding: 0.4rem 0.75rem; background: var(--panel); }
td p, th p { margin: 0; }
.findings th[scope="row"] { width: 32%; }
.findings td:nth-of-type(1) { width: 9rem; }
summary { cursor: pointer; }
summary h2 { display: inline-block; margin: 1rem 0; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; }
.filter { display: inline-block; margin: 0.75rem 0; }
.fleet { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: 0.75rem; }
.tile {
  padding: 0.6rem 0.75rem; border: 1px solid var(--line); border-left: 0.4rem solid var(--tone); border-radius: 0.4rem;
  background: var(--panel); break-inside: avoid;
}
.tile p { margin: 0; color: var(--faint); font-size: 0.85rem; }
.cells { display: flex; flex-wrap: wrap; gap: 0.2rem; margin-top: 0.4rem; font-size: 0.75rem; }
.cells li { min-width: 1.3rem; padding: 0 0.3rem; border-radius: 0.2rem; text-align: center; }
body:has(#only:checked) .fleet .in-sync { display: none; }
.dense { grid-template-columns: repeat(auto-fill, minmax(min(10.5rem, 45%), 1fr)); gap: 0.4rem; }
.dense .tile { padding: 0.3rem 0.5rem; }
.dense h3 { font-size: 0.8rem; }
.dense p, .dense .in-sync .cells { display: none; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.timeline { display: block; width: 100%; min-width: 44rem; max-height: 24rem; }
.timeline text { fill: var(--faint); font-size: 14px; text-anchor: middle; }
.timeline .more { font-size: 10px; }
.span { fill: none; stroke: var(--line); }
.past { fill: var(--panel); }
.axis { stroke: var(--ink); stroke-width: 2; }
.mark { fill: none; stroke: var(--faint); stroke-width: 1.5; }
.due { fill: var(--expiring); stroke: var(--expiring); }
.sign { width: 0.8rem; height: 0.8rem; }
@media (max-width: 40rem) {
  .findings { min-width: 0; }
  .findings, .findings tbody, .findings tr, .findings th, .findings td { display: block; width: auto; }
  .findings th[scope="row"], .findings td:nth-of-type(1) { width: auto; }
  .findings thead { position: absolute; clip-path: inset(50%); }
  .findings tr { border-top: 1px solid var(--line); }
  .findings th, .findings td { border: 0; padding-block: 0.2rem; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 0.8rem; }
  .filter { display: none; }
  .scrolling { overflow: visible; }
  .badge, .cells li, .tile { print-color-adjust: exact; }
  details::details-content { content-visibility: visible; block-size: auto; }
  tr { break-inside: avoid; }
}
`);
