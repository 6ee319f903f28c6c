/** The fleet at a glance: a tile for each server, and for what is on none; the worst first. */
import { counts, type DriftReport, type Finding, type ResourceReport, type ServerReport } from "../../report";
import { type Markup, markup } from "../markup";
import { findingsByUrn, grouped, kindWords, number, placeOf, type Standing, standingOf } from "../overview";
import { standings, standingWords } from "../overview";
import { shownName } from "../shown";
import { anchorOf, badge, section, signs } from "./pieces";

interface Tile {
  readonly place: string;
  readonly server?: ServerReport;
  readonly standing: Standing;
  /** Whether more of it is told above. */
  readonly isTold: boolean;
  readonly resources: readonly ResourceReport[];
}

/** How many resources of a server are shown in its tile. */
const mostCells = 60;
/** With more tiles than that, those in sync show no more than their names. */
const mostTiles = 24;

export function fleet(report: DriftReport): Markup | undefined {
  const tiles = tilesOf(report);
  if (tiles.length === 0) return undefined;
  const byUrn = findingsByUrn(report);
  const sorted = standings.map((standing) => ({
    standing,
    tiles: tiles.filter((tile) => tile.standing === standing),
  }));
  const legend = sorted
    .filter((group) => group.tiles.length > 0)
    .map(({ standing, tiles: { length } }) => markup`<li>${badge(standing)} ${length}</li>\n`);
  const density = tiles.length > mostTiles ? "fleet dense" : "fleet";
  return section(
    "fleet",
    "The fleet at a glance",
    markup`<ul class="legend">
${legend}</ul>
<label class="filter"><input type="checkbox" id="only"> Only what is not in sync</label>
<ul class="${density}">
${sorted.flatMap((group) => group.tiles.map((tile) => tileOf(tile, byUrn)))}</ul>`,
  );
}

function tilesOf({ servers, resources, findings }: DriftReport): Tile[] {
  const [resourcesAt, findingsAt] = [grouped(resources, placeOf), grouped(findings, placeOf)];
  const byName = new Map(servers.map((server) => [server.name, server]));
  const places = new Set([...byName.keys(), ...resourcesAt.keys(), ...findingsAt.keys()]);
  return [...places].map((place) => {
    const [server, found] = [byName.get(place), findingsAt.get(place) ?? []];
    // No finding says so where nobody asked; still it is not known to be in sync.
    const isUnseen = server !== undefined && server.status !== "seen" && found.length === 0;
    const standing = isUnseen ? "untold" : standingOf(found);
    const isTold = found.some(counts);
    return { place, standing, isTold, resources: resourcesAt.get(place) ?? [], ...(server && { server }) };
  });
}

function tileOf(
  { place, server, standing, isTold, resources }: Tile,
  byUrn: ReadonlyMap<string, readonly Finding[]>,
): Markup {
  // Every address begins like that, and the tile is narrow.
  const name = markup`<bdi>${shownName(place.replace(/^https:\/\//, ""))}</bdi>`;
  const title = isTold ? markup`<a href="#${anchorOf(standing, place)}">${name}</a>` : name;
  const facts = [
    ...(server?.serverName === undefined ? [] : [shownName(server.serverName)]),
    ...(server?.type === undefined
      ? []
      : [`${kinds[server.type]} ${shownName(server.version ?? "")}`.trim()]),
    ...(server?.clients === undefined ? [] : [number(server.clients, "client")]),
    number(resources.length, "resource"),
  ];
  const cells = resources.slice(0, mostCells).map((resource) => cellOf(resource, byUrn));
  const more = resources.length - cells.length;
  return markup`<li class="tile ${standing}">
${badge(standing)}
<h3>${title}</h3>
<p>${facts.join(" · ")}</p>
<ul class="cells">${cells}${more > 0 ? markup`<li>and ${more} more</li>` : undefined}</ul>
</li>
`;
}

const kinds = { lxd: "LXD", incus: "Incus" } as const;

function cellOf(
  { urn, type, name, status }: ResourceReport,
  byUrn: ReadonlyMap<string, readonly Finding[]>,
): Markup {
  const standing = standingOf(byUrn.get(urn) ?? []);
  const word = status === "in-sync" ? standingWords[standing] : kindWords[status];
  const label = `${shownName(type)} ${shownName(name)}: ${word}`;
  return markup`<li class="${standing}" title="${label}"><span aria-hidden="true">${signs[standing]}</span><span class="unseen">${label}</span></li>`;
}
