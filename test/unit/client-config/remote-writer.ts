/** A process of its own for the specs: `remote-writer.ts DIRECTORY PREFIX COUNT` writes COUNT remotes at once. */
import { writeRemote } from "../../../provider/client-config/client-directory";

async function main([directory = "", prefix = "", count = "0"]: string[]): Promise<void> {
  const numbers = Array.from({ length: Number(count) }, (_, index) => index);
  await Promise.all(
    numbers.map((number) =>
      writeRemote({
        directory,
        name: `${prefix}${number}`,
        entry: { addr: `https://127.0.0.1:${8000 + number}`, protocol: "lxd", public: false },
      }),
    ),
  );
}

void main(process.argv.slice(2));
