/**
 * Who PostgreSQL runs as. It refuses root, so root's server runs in a user namespace, where root's files stay root's;
 * where that is not permitted, as `nobody`, or as whoever owns the data already.
 */
import { spawnSync } from "node:child_process"
import { chown, mkdir, stat } from "node:fs/promises"
import { dirname } from "node:path"
import { dieWithOwner } from "../Daemon.ts"

export interface ServerUser {
  readonly prefix: ReadonlyArray<string>
  /** Who must own the cluster's files, when that is not this process's user. */
  readonly owner: number | undefined
}

const nobody = 65534
const works = (prefix: ReadonlyArray<string>): boolean => {
  const [file = "", ...args] = [...prefix, "true"]
  return spawnSync(file, args).status === 0
}
const namespace = ["unshare", "--user", `--map-user=${nobody}`, `--map-group=${nobody}`, "--"]
const switched = (uid: number, ...rights: ReadonlyArray<string>) => [
  "setpriv",
  `--reuid=${uid}`,
  `--regid=${uid}`,
  "--clear-groups",
  ...rights,
  "--"
]
// The programs may lie below a directory that only root can enter.
const passAnywhere = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]

/** @param scratch a temporary directory around the cluster, handed over with it */
export async function serverUserFor(dir: string, scratch: string | undefined): Promise<ServerUser> {
  await mkdir(dirname(dir), { recursive: true })
  const self = process.getuid?.()
  const found = await stat(dir).then((about) => about.uid, () => self)
  if (self !== 0) {
    if (found !== self) throw new Error(`${dir} belongs to another user (uid ${found})`)
    return { prefix: [], owner: undefined }
  }
  if (found === 0 && works(namespace)) return { prefix: namespace, owner: undefined }
  const owner = found || nobody
  const prefix = [switched(owner, ...passAnywhere), switched(owner)].find(works)
  if (prefix === undefined)
    throw new Error("PostgreSQL refuses to run as root, and root may not become another user here")
  if (scratch !== undefined) await chown(scratch, owner, owner)
  return { prefix, owner }
}

export const asServerUser = (user: ServerUser, command: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...user.prefix,
  ...dieWithOwner("INT", command)
]
