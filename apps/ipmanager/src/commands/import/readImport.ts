/** Reads the files of an import, each in its format. */
import { Effect } from "effect"
import { readConfTree, readTextFile } from "../../ConfFiles.ts"
import { readCsv } from "../../domain/imports/csv.ts"
import { detectFormat, type ImportFormat } from "../../domain/imports/detectFormat.ts"
import { readDnsmasq } from "../../domain/imports/dnsmasq.ts"
import { gather } from "../../domain/imports/gather.ts"
import { type Gathered, leftOut, merge, refuse } from "../../domain/imports/ImportItem.ts"
import { readJson } from "../../domain/imports/json.ts"
import { readKea } from "../../domain/imports/kea.ts"
import { type Names, readEtcHosts, readEthers, readLeases } from "../../domain/imports/lines.ts"
import { failed } from "../../domain/Failure.ts"

const stdin = "/dev/stdin"

/** A configuration with what it includes. */
const readConf = Effect.fnUntraced(function*(path: string) {
  const { files, unreadable } = yield* readConfTree([path])
  return merge([
    ...files.map(({ kind, path, text }) =>
      kind === "ethers" ? readEthers(path, text) : readDnsmasq(path, text, kind === "conf" ? "conf" : "hosts")
    ),
    {
      items: [],
      problems: unreadable.map(({ from, path: missing, reason }) =>
        from === undefined
          ? refuse({ file: missing, line: 1 }, "file", reason)
          : leftOut(from, "file", `${missing} is not followed: ${reason}`)
      )
    }
  ])
})

const readers: Readonly<
  Record<Exclude<ImportFormat, "dnsmasq" | "etc-hosts">, (file: string, text: string) => Gathered>
> = {
  hosts: (file, text) => readDnsmasq(file, text, "hosts"),
  ethers: readEthers,
  leases: readLeases,
  csv: readCsv,
  json: readJson,
  kea: readKea
}

export const readImport = Effect.fnUntraced(function*(
  files: ReadonlyArray<string>,
  given: ImportFormat | "auto",
  subnet: string | undefined
) {
  const found: Array<Gathered> = []
  const names: Array<Names> = []
  for (const file of files) {
    const path = file === "-" ? stdin : file
    const text = yield* Effect.mapError(
      readTextFile(path),
      (reason) => failed(`cannot read ${file}: ${reason}`, "Give the path of a file you may read.")
    )
    const format = given === "auto" ? detectFormat(path, text) : given
    if (format === undefined) {
      return yield* failed(`${file}: this is no format that is known`, "Say which one it is with --format.")
    }
    if (format === "etc-hosts") names.push(readEtcHosts(file, text))
    else if (format !== "dnsmasq") found.push(readers[format](file, text))
    // What is piped in can be read once only.
    else found.push(path === stdin ? readDnsmasq(file, text, "conf") : yield* readConf(path))
  }
  return gather(merge(found), names, subnet)
})
