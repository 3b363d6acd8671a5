/** A vendor as a part of a host name: its first words, without what companies are called besides. */
import { toLabel } from "./clientLabel.ts"

const longest = 20
const words = 2

/** Legal forms, and what makes a name longer but not clearer. */
const besides = new Set(
  ("ab ag as bv co company corp corporate corporation electronic electronics foundation gmbh group holding holdings inc " +
    "incorporated industrial industries international kg limited llc ltd nv oy plc pte pty sa sas semiconductor spa srl systems " +
    "technologies technology tech the trading us usa").split(" ")
)

/** Undefined where nothing of the name can be written. */
export const vendorLabel = (vendor: string): string | undefined => {
  const [, start = ""] = /^([^,，(（/&]*)/u.exec(vendor) ?? []
  const all = start.split(/[\s.]+/u).map(toLabel).filter((word) => word !== "")
  const telling = all.filter((word) => !besides.has(word))
  const label = (telling.length > 0 ? telling : all).slice(0, words).join("-")
  const short = label.length > longest ? label.split("-")[0] ?? "" : label
  return short === "" ? undefined : short.slice(0, longest).replace(/-+$/u, "")
}
