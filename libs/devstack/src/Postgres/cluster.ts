/**
 * Makes a cluster's directory, whole or not at all: `initdb` works beside it, and a rename puts it in place.
 *
 * The superuser's password is random and lies in the cluster's directory, so that another user of the machine cannot
 * become PostgreSQL's superuser, and through it the user who runs it.
 */
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { startDaemon } from "../Daemon.ts"
import { binaryDirectory } from "./binaries.ts"
import { asServerUser, type ServerUser } from "./serverUser.ts"

const passwordFile = (dir: string) => join(dir, "superuser-password")

export const passwordOf = async (dir: string): Promise<string> => (await readFile(passwordFile(dir), "utf8")).trim()

export async function ensureCluster(dir: string, user: ServerUser, durable: boolean): Promise<void> {
  if (existsSync(passwordFile(dir))) return
  if (existsSync(join(dir, "PG_VERSION"))) throw new Error(`${dir} holds a PostgreSQL cluster that was not made here`)
  await removeAbandoned(dir)
  const making = `${dir}.init-${process.pid}`
  const given = `${making}.password`
  try {
    await mkdir(making, { mode: 0o700 })
    await writeFile(given, randomBytes(18).toString("hex"), { mode: 0o600, flag: "wx" })
    if (user.owner !== undefined) { for (const path of [making, given]) await chown(path, user.owner, user.owner) }
    await initialise(making, given, user, durable)
    await rename(given, passwordFile(making))
    await rename(making, dir).catch((error: unknown) => {
      // Another process made it meanwhile; whether it uses it is found out at the start.
      if (!existsSync(passwordFile(dir))) throw error
    })
  } finally {
    await rm(making, { recursive: true, force: true })
    await rm(given, { force: true })
  }
}

async function initialise(dir: string, password: string, user: ServerUser, durable: boolean): Promise<void> {
  const daemon = await startDaemon(asServerUser(user, [
    join(await binaryDirectory(), "initdb"),
    `--pgdata=${dir}`,
    "--username=postgres",
    `--pwfile=${password}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    ...(durable ? [] : ["--no-sync"])
  ]))
  while (daemon.ending() === undefined) await sleep(10)
  if (daemon.ending()?.code !== 0) throw new Error(`initdb failed:\n${daemon.output()}`)
}

/** What an `initdb` left whose process was killed; its name ends in that process's id. */
async function removeAbandoned(dir: string): Promise<void> {
  const prefix = `${basename(dir)}.init-`
  for (const name of await readdir(dirname(dir))) {
    if (!name.startsWith(prefix) || isAlive(Number.parseInt(name.slice(prefix.length), 10))) continue
    await rm(join(dirname(dir), name), { recursive: true, force: true })
  }
}

/** A zombie has no `exe`. */
const isAlive = (pid: number): boolean => pid !== process.pid && existsSync(`/proc/${pid}/exe`)
