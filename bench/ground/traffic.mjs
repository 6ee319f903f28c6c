/** What a run cost servers: connections as proxies saw them, requests as the servers logged them. */

/** @typedef {import("./server.mjs").Server} Server */
/** @typedef {import("./delay-proxy.mjs").DelayProxy} DelayProxy */
/** @typedef {{ server: Server, proxy: DelayProxy }} Site a server, and the only way to it */

/**
 * @typedef {object} Cost
 * @property {number} connections of all sites
 * @property {number} mostConnections of one site
 * @property {number} requests of all sites
 * @property {number} mostRequests of one client at one site
 * @property {number} bytes that servers sent
 */

/**
 * What came to sites since it was asked last.
 * @param {readonly Site[]} sites
 * @returns {Promise<Cost>}
 */
export async function takeCost(sites) {
  const traffic = await Promise.all(sites.map(({ proxy }) => proxy.takeTraffic()));
  const requests = [...new Set(sites.map(({ server }) => server))].map((server) => server.takeRequests());
  const perClient = requests.flatMap((ofServer) => {
    const clients = ofServer.map(({ client }) => client);
    return [...new Set(clients)].map((client) => clients.filter((one) => one === client).length);
  });
  const connections = traffic.map((one) => one.connections);
  return {
    connections: sum(connections),
    mostConnections: Math.max(0, ...connections),
    requests: sum(requests.map((one) => one.length)),
    mostRequests: Math.max(0, ...perClient),
    bytes: sum(traffic.map((one) => one.bytesDown)),
  };
}

/** @param {readonly number[]} numbers */
function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
