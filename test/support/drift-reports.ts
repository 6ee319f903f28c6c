/** Drift reports as `lxd-access drift` could make them. Each is what the schema of reports takes. */
import {
  type DriftReport,
  driftReport,
  type Expiry,
  type Finding,
  type ResourceReport,
} from "../../cli/drift/report";

const day = 86_400_000;
const madeAt = "2026-03-01T12:00:00Z";
const stack = "network/prod";
const clientStack = "clients/prod";
const first = "https://10.0.0.11:8443";
const second = "https://10.0.0.12:8443";

/** A text in which each part would steer something, if it were not escaped. */
export const hostileName = [
  "::error::owned,col=9",
  "| a \\| b \\",
  '"><script>alert(1)</script>',
  "]]>",
  "`code`",
  "*bold*",
  "@everyone #123",
  "[x](https://example.invalid)",
  "##[error]owned",
  "\u001b[31mred\u001b]0;title\u0007\u009b2J",
  "\u202egnorw\u2066\u200b",
  "##vso[task.setvariable variable=x]y",
  "%0A::warning::owned",
  "\n::error::owned\r\n| a | b |\n# heading\n",
  "<img src=https://example.invalid/x.png onerror=alert(1)>",
  "'><b>--><!--",
  "``more`` ```",
  "_it_ ~~no~~ GH-1 www.example.invalid https://example.invalid ![y](https://example.invalid/y.png)",
  "&lt;b&gt; &amp; \uffff \ufffe \ud800",
].join(" ");

function daysFrom(days: number): string {
  return new Date(Date.parse(madeAt) + days * day).toISOString();
}

function urnOf(of: string, type: string, name: string): string {
  const [project = "", stackName = ""] = of.split("/");
  return `urn:pulumi:${stackName}::${project}::lxd-access:index:${type}::${name}`;
}

/** A resource, in sync where nothing else is said. */
function resource(type: string, name: string, other: Partial<ResourceReport> = {}): ResourceReport {
  const own = other.stack ?? stack;
  const urn = urnOf(own, type, name);
  return { stack: own, urn, name, type, id: name, server: first, status: "in-sync", notes: [], ...other };
}

/** What was found of a resource. */
function about(
  { stack: of, urn, name, type, server }: ResourceReport,
  other: Pick<Finding, "kind" | "message"> & Partial<Finding>,
): Finding {
  return finding({ stack: of, urn, name, type, server, ...other });
}

function finding(given: Pick<Finding, "kind" | "message" | "name" | "type"> & Partial<Finding>): Finding {
  return { key: JSON.stringify([given.kind, given.urn, given.name, given.property]), isNew: true, ...given };
}

function report(given: Partial<DriftReport>): DriftReport {
  const resources = given.resources ?? [];
  const names = [...new Set(resources.map((one) => one.stack))];
  return driftReport.parse({
    version: 1,
    generatedAt: madeAt,
    outcome: "in-sync",
    exitCode: 0,
    expiringDays: 30,
    stacks: names.map((name) => ({ name, resources: resources.filter((one) => one.stack === name).length })),
    resources,
    servers: [
      { name: first, serverName: "alpha", type: "lxd", version: "5.21.4", status: "seen", clients: 3 },
      { name: second, serverName: "beta", type: "incus", version: "6.0.4", status: "seen", clients: 1 },
    ],
    expiries: [],
    findings: [],
    remembered: [],
    notes: [],
    ...given,
  });
}

const address = resource("HttpsAddress", "api");
const token = resource("TrustToken", "ci");
const remote = resource("Remote", "alpha", { stack: clientStack });
const pair = resource("ClientCertificate", "laptop", { stack: clientStack, server: undefined });

const changed = [
  about(address, {
    kind: "changed",
    property: "address",
    expected: "10.0.0.11:8443",
    found: "[::]:8443",
    source: { file: "index.ts", line: 12 },
    message: 'HttpsAddress api: address is "[::]:8443" and not "10.0.0.11:8443"',
  }),
  about(address, {
    kind: "changed",
    property: "trustPassword",
    expected: "[secret]",
    source: { file: "index.ts", line: 12 },
    message: "HttpsAddress api: trustPassword is not there instead of [secret]",
  }),
  about(address, {
    kind: "changed",
    property: "configState.addr",
    found: ":8443",
    message: 'HttpsAddress api: configState.addr is ":8443"',
  }),
  about(address, {
    kind: "changed",
    property: "certificate",
    message: "HttpsAddress api: it is another than the stack has",
  }),
];
const gone = about(token, {
  kind: "gone",
  message: "TrustToken ci (ci) is not there any more",
});
const unmanaged = [
  finding({
    kind: "unmanaged-client",
    type: "client",
    name: "mallory",
    server: second,
    message: 'The client "mallory" (0a1b2c3d4e5f) is trusted, and no stack given has it',
  }),
  finding({
    kind: "unmanaged-token",
    type: "token",
    name: "leftover",
    server: second,
    message: 'The token "leftover" waits, and no stack given has it',
  }),
  finding({
    kind: "unmanaged-listener",
    type: "listener",
    name: "10.0.0.12:9443",
    server: second,
    message: "The server listens on 10.0.0.12:9443, and no stack given says so",
  }),
];
const unreachable = about(remote, {
  kind: "unreachable",
  code: "LXD_UNREACHABLE",
  message: "Remote alpha: https://10.0.0.11:8443 could not be reached: connect ECONNREFUSED",
});
const failed = about(pair, {
  kind: "failed",
  code: "CLIENT_CONFIG",
  message: "ClientCertificate laptop: the file client.crt holds no certificate",
});
const expiring = about(pair, {
  kind: "expiring",
  property: "certificate",
  expiresAt: daysFrom(12),
  source: { file: "index.ts", line: 30 },
  message: 'ClientCertificate laptop: the client certificate of "laptop" expires in 12 days',
});
const laptop: Expiry = {
  what: "client certificate",
  name: "laptop",
  urns: [pair.urn],
  expiresAt: daysFrom(12),
  isDue: true,
};
const fourResources = [address, token, remote, pair];

export const inSync = report({ resources: fourResources });

/** Drift of every kind, what could not be told, what expires, and what is ignored or known. */
export const everyKind = report({
  outcome: "drift",
  exitCode: 2,
  newSince: daysFrom(-1),
  resources: [
    { ...address, status: "changed" },
    { ...token, status: "gone" },
    { ...remote, status: "unreachable" },
    { ...pair, status: "failed", notes: ["The key is readable for others"] },
    resource("TrustToken", "old", { status: "changed" }),
    resource("TrustToken", "seen-before", { status: "gone" }),
    resource("TrustToken", "fine"),
  ],
  expiries: [
    { what: "token", name: "leftover", server: second, urns: [], expiresAt: daysFrom(-3), isDue: true },
    laptop,
    {
      what: "server certificate",
      name: "alpha",
      server: first,
      fingerprint: "ab".repeat(32),
      urns: [],
      expiresAt: daysFrom(3000),
      isDue: false,
    },
  ],
  findings: [
    unreachable,
    ...unmanaged,
    expiring,
    failed,
    gone,
    ...changed,
    about(resource("TrustToken", "old"), {
      kind: "changed",
      property: "projects",
      expected: ["a"],
      found: ["a", "b"],
      ignored: { reason: "until the move is done", until: "2026-04-01" },
      message: 'TrustToken old: projects is ["a","b"] and not ["a"]',
    }),
    about(resource("TrustToken", "seen-before"), {
      kind: "gone",
      isNew: false,
      message: "TrustToken seen-before (seen-before) is not there any more",
    }),
  ],
  notes: ["The rule for TrustToken web ended on 2026-02-01"],
});

/** Of one server nobody could tell what on it nobody manages, and no finding says so. */
export const unseen = report({ resources: fourResources, servers: [{ name: first, status: "failed" }] });

export const unreachableOnly = report({
  outcome: "unknown",
  exitCode: 1,
  resources: fourResources.map((one) => ({
    ...one,
    status: one.server === first ? "unreachable" : "in-sync",
  })),
  servers: [{ name: first, status: "unreachable" }],
  findings: [address, token, remote].map((one) =>
    about(one, {
      kind: "unreachable",
      code: "LXD_UNREACHABLE",
      message: `${one.type} ${one.name}: https://10.0.0.11:8443 could not be reached: connect ECONNREFUSED`,
    }),
  ),
});

const drifted: Partial<DriftReport> = {
  resources: [{ ...address, status: "changed" }, { ...token, status: "gone" }, remote, pair],
};

export const allIgnored = report({
  ...drifted,
  findings: [...changed, gone, ...unmanaged].map((one) => ({ ...one, ignored: { reason: "being moved" } })),
});

export const nothingNew = report({
  ...drifted,
  newSince: daysFrom(-1),
  findings: [...changed, gone, ...unmanaged].map((one) => ({ ...one, isNew: false })),
});

/** What expires is the only thing, and it was asked that this fails. */
export const expiringFails = report({
  exitCode: 2,
  failExpiring: true,
  resources: fourResources,
  findings: [expiring],
  expiries: [laptop],
});

/** Everything that can have a name of somebody else's choice has a hostile one, 8 kB long. */
export function hostile(): DriftReport {
  const name = hostileName.padEnd(8192, " and so on");
  const bad = resource("TrustToken", name, {
    stack: `network/${name}`,
    server: name,
    status: "changed",
    notes: [name],
  });
  const source = { file: name, line: 1 };
  return report({
    outcome: "drift",
    exitCode: 2,
    resources: [bad, { ...bad, urn: `${bad.urn}2`, type: name }, { ...bad, urn: `${bad.urn}3` }],
    servers: [{ name, serverName: name, type: "lxd", version: name, status: "seen" }],
    findings: [
      about(bad, {
        kind: "changed",
        property: name,
        expected: name,
        found: { [name]: name },
        source,
        message: name,
      }),
      ...(["gone", "unreachable", "failed", "expiring"] as const).map((kind) =>
        about(bad, { kind, message: name, code: name, source, expiresAt: daysFrom(3) }),
      ),
      finding({ kind: "unmanaged-client", type: "client", name, server: name, message: name }),
      finding({ kind: "unmanaged-client", type: "client", name, message: name, ignored: { reason: name } }),
    ],
    expiries: [{ what: "token", name, server: name, urns: [name], expiresAt: daysFrom(3), isDue: true }],
    notes: [name],
  });
}

/** A fleet of as many servers: each fourth has drift, each seventh is away, and the first ones are in sync where there are few. */
export function fleet(size: number): DriftReport {
  const servers = Array.from({ length: size }, (_, index) => {
    const name = `https://10.0.${Math.floor(index / 250)}.${(index % 250) + 1}:8443`;
    return { name, serverName: `node-${index + 1}`, isAway: index % 7 === 6, isChanged: index % 4 === 3 };
  });
  const all = servers.flatMap((server, index) => {
    const resources = [
      resource("HttpsAddress", `api-${index + 1}`, { server: server.name }),
      ...["ci", "ops", "backup"].map((user) =>
        resource("TrustToken", `${user}-${index + 1}`, { server: server.name }),
      ),
    ];
    if (server.isAway) return resources.map((one): ResourceReport => ({ ...one, status: "unreachable" }));
    return resources.map((one, at): ResourceReport =>
      server.isChanged && at === 0 ? { ...one, status: "changed" } : one,
    );
  });
  const findings = all.flatMap((one) => {
    if (one.status === "changed")
      return [
        about(one, {
          kind: "changed",
          property: "address",
          expected: "10.0.0.1:8443",
          found: ":8443",
          message: "changed",
        }),
      ];
    if (one.status !== "unreachable") return [];
    const message = `${one.type} ${one.name}: ${one.server ?? ""} could not be reached: connect ETIMEDOUT`;
    return [about(one, { kind: "unreachable", code: "LXD_TIMEOUT", message })];
  });
  return report({
    outcome: findings.some(({ kind }) => kind === "changed")
      ? "drift"
      : findings.length > 0
        ? "unknown"
        : "in-sync",
    exitCode: findings.some(({ kind }) => kind === "changed") ? 2 : findings.length > 0 ? 1 : 0,
    resources: all,
    findings,
    servers: servers.map(({ name, serverName, isAway }) =>
      isAway
        ? { name, status: "unreachable" }
        : { name, serverName, type: "lxd", version: "5.21.4", status: "seen", clients: 4 },
    ),
    expiries: servers.flatMap(({ name, serverName, isAway }, index): Expiry[] => {
      if (isAway) return [];
      const days = [(index * 37) % 4000, ((index * 13) % 500) - 20];
      return [
        {
          what: "server certificate",
          name: serverName,
          server: name,
          urns: [],
          expiresAt: daysFrom(days[0] ?? 0),
          isDue: (days[0] ?? 0) < 30,
        },
        {
          what: "token",
          name: `ci-${index + 1}`,
          server: name,
          urns: [],
          expiresAt: daysFrom(days[1] ?? 0),
          isDue: (days[1] ?? 0) < 30,
        },
      ];
    }),
  });
}
