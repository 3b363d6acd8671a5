import { sanitizeText, Text } from "@leasehold/events"
import { Result, Schema } from "effect"
import { afterAll, assert, beforeAll, it } from "vitest"
import { readComment } from "../../src/ipam/fields.ts"
import { isHostName, isServiceName } from "../../src/names/forbidden.ts"
import { random } from "../randomEvents.ts"
import { type RegistryDatabase, registryDatabase } from "../registryDatabase.ts"

let database: RegistryDatabase
beforeAll(async () => {
  database = await registryDatabase()
})
afterAll(() => database?.close())

it("says the same of every name as the constraints of the database", async () => {
  const next = random(5)
  const pieces = [
    ..."abcdefghijklmnopqrstuvwxyz0123456789-",
    "--",
    "0x",
    "ns",
    "host-",
    "10-",
    "ip6-",
    "12h",
    "00-",
    "_",
    "A",
    "."
  ]
  const made = Array.from(
    { length: 5_000 },
    () => Array.from({ length: 1 + Math.floor(next() * 9) }, () => pieces[Math.floor(next() * pieces.length)]).join("")
  )
  const known = [
    ..."ignore infinite localhost localdomain broadcasthost ip6-localhost ip6-loopback ip6-localnet".split(" "),
    ..."ip6-mcastprefix ip6-allnodes ip6-allrouters isatap wpad autoconfig autodiscover dhcp dns domain".split(" "),
    ..."gateway kerberos ldap local mail mx ntp proxy resolver router smtp syslog time www ns ns1 ns12 ns123".split(
      " "
    ),
    ..."1 12h 45m 5d 2w 30s 0x 0x7f 10-0-0-1 fd00-1-2-3-4-5-6-7 00-16-3e-12-34-56 00163e123456 xn--a a--b".split(" "),
    ..."nas a 0a -a a- host-123456 nas-123456 nas-00163e123456 ''".split(" "),
    "x".repeat(63),
    "x".repeat(64),
    "nas\n",
    "nas,ignore"
  ]
  const names = [...known, ...made]
  const rows = await database.query<{ host: boolean; service: boolean }>(
    "SELECT is_host_name(name) AS host, is_service_name(name) AS service FROM unnest($1::text[]) WITH ORDINALITY AS k (name, n) ORDER BY n",
    [names]
  )
  const different = names.filter((name, n) =>
    rows[n]?.host !== isHostName(name) || rows[n]?.service !== isServiceName(name)
  )
  assert.deepStrictEqual(different, [])
  assert.isAbove(rows.filter(({ host }) => host).length, 1_000)
  assert.isAbove(rows.filter(({ host }) => !host).length, 300)
})

it("says the same of every character of a text as the functions of the database", async () => {
  const characters = Array.from({ length: 0xffff }, (_, index) => index + 1)
    .filter((code) => code < 0xd800 || code > 0xdfff).map((code) => String.fromCodePoint(code))
  const rows = await database.query<{ plain: boolean; made: string }>(
    "SELECT is_plain_text(c) AS plain, harmless_text(c) AS made FROM unnest($1::text[]) WITH ORDINALITY AS k (c, n) ORDER BY n",
    [characters]
  )
  const isText = Schema.is(Text)
  const different = characters.filter((character, n) =>
    rows[n]?.plain !== isText(character) || rows[n].made !== sanitizeText(character) ||
    rows[n].plain !== Result.isSuccess(readComment("comment", character))
  )
  assert.deepStrictEqual(different.map((character) => character.codePointAt(0)), [])
  assert.strictEqual(rows.filter(({ plain }) => !plain).length, 31 + 33 + 4 + 7 + 5 + 4 + 1)
})
