import { afterAll, assert, beforeAll, it } from "vitest"
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
