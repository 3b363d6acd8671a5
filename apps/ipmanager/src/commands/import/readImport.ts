/** Reads the files of an import, each in its format. */
import { Effect } from "effect"
import { readConfTree, readTextFile } from "../../ConfFiles.ts"
import { readCsv } from "../../domain/imports/csv.ts"
import { detectFormat, type ImportFormat } from "../../domain/imports/detectFormat.ts"
import { readDnsmasq } from "../../domain/imports/dnsmasq.ts"
import { gather } from "../../domain/imports/gather.ts"
import { type Gathered, leftOut, merge, type Place, refuse } from "../../domain/imports/ImportItem.ts"
import { withoutBroken } from "../../domain/imports/withoutBroken.ts"
import { readJson } from "../../domain/imports/json.ts"
import { readKea } from "../../domain/imports/kea.ts"
import { type Names, readEtcHosts, readEthers, readLeases } from "../../domain/imports/lines.ts"
import { failed } from "../../domain/Failure.ts"

const stdin = "/dev/stdin"

/** With the places of its hosts, which are lines of a configuration. */
const asConf = (found: Gathered) => ({ found, inConf: found.items.map(({ place }) => place) })

/** A configuration with what it includes. */
const readConf = Effect.fnUntraced(function*(path: string) {
  const { files, unreadable } = yield* readConfTree([path])
  const read = files.map(({ broken, kind, path, text }) => {
    const form = kind === "conf" ? "conf" : "hosts"
    const found = kind === "ethers" ? readEthers(path, text) : readDnsmasq(path, text, form)
    return { kind, found: withoutBroken(path, { text, broken }, kind === "conf" ? "dnsmasq" : kind, found) }
  })
  const missing = unreadable.map(({ from, path: missing, reason }) =>
    from === undefined
      ? refuse({ file: missing, line: 1 }, "file", reason)
      : leftOut(from, "file", `${missing} is not followed: ${reason}`)
  )
  return {
    found: merge([...read.map(({ found }) => found), { items: [], problems: missing }]),
    inConf: read.flatMap(({ found, kind }) => kind === "conf" ? asConf(found).inConf : [])
  }
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

/** Besides what was gathered: every line of dnsmasq's configuration that has a host of it. */
export const readImport = Effect.fnUntraced(function*(
  files: ReadonlyArray<string>,
  given: ImportFormat | "auto",
  subnet: string | undefined
) {
  const found: Array<Gathered> = []
  const names: Array<Names> = []
  const inConf: Array<ReadonlyArray<Place>> = []
  for (const file of files) {
    const path = file === "-" ? stdin : file
    const decoded = yield* Effect.mapError(
      readTextFile(path),
      (reason) => failed(`cannot read ${file}: ${reason}`, "Give the path of a text file that you may read.")
    )
    const { text } = decoded
    const format = given === "auto" ? detectFormat(path, text) : given
    if (format === undefined) {
      return yield* failed(`${file}: this is no format that is known`, "Say which one it is with --format.")
    }
    if (format === "etc-hosts") {
      const read = readEtcHosts(file, text)
      const { problems } = withoutBroken(file, decoded, format, { items: [], problems: read.problems })
      names.push({ ...read, problems })
    } else if (format !== "dnsmasq") {
      found.push(withoutBroken(file, decoded, format, readers[format](file, text)))
    } else {
      // What is piped in can be read once only.
      const conf = path === stdin
        ? asConf(withoutBroken(file, decoded, format, readDnsmasq(file, text, "conf")))
        : yield* readConf(path)
      found.push(conf.found)
      inConf.push(conf.inConf)
    }
  }
  return { ...gather(merge(found), names, subnet), inConf: inConf.flat() }
})
