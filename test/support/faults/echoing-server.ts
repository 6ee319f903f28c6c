/** A server that repeats in its refusal what it was sent, in every form that it can think of. */
import { listenTls, reply } from "../../contract/tls-listener";
import { makePair } from "../openssl-pair";

export interface EchoingServer {
  /** A trust token that leads to it. */
  readonly token: string;
  /** How often a token was sent to it. */
  attempts(): number;
  close(): Promise<void>;
}

export async function startEchoingServer(clientName: string, secret: string): Promise<EchoingServer> {
  const pair = makePair("echo", "P-384", "IP:127.0.0.1");
  let attempts = 0;
  const listener = await listenTls(pair, (socket, { method, body }) => {
    if (method === "GET") {
      const metadata = { api_extensions: [], auth: "untrusted", environment: { server: "lxd" } };
      socket.write(reply({ type: "sync", status_code: 200, metadata }));
      return;
    }
    attempts++;
    const [sent = ""] = Object.values(JSON.parse(body) as Record<string, string>);
    const forms = [sent, sent.replace(/=+$/, ""), encodeURIComponent(sent), secret];
    const error = `what is ${body}? I read ${forms.join(" and ")}`;
    socket.write(
      reply({ type: "error", status_code: 0, error_code: 400, error, metadata: null }, "400 Bad Request"),
    );
  });
  const token = {
    client_name: clientName,
    fingerprint: pair.fingerprint,
    addresses: [`127.0.0.1:${listener.port}`],
    secret,
    expires_at: "0001-01-01T00:00:00Z",
  };
  return {
    token: Buffer.from(JSON.stringify(token)).toString("base64"),
    attempts: () => attempts,
    close: () => listener.close(),
  };
}
