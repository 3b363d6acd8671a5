/**
 * What `npm start` shows without arguments: a real dnsmasq with real DHCP clients in a private network namespace, or a
 * captured log where there can be none. It says which.
 */
import { labSupport } from "@leasehold/devstack/lab"
import { ensurePackages } from "../setup.mjs"
import type { Followed } from "./options.ts"
import { replayCapture } from "./replay.ts"
import { playStory } from "./story.ts"
import type { World } from "./World.ts"

export interface Demonstration {
  readonly title: string
  readonly followed: Followed
  /** Plays until it is stopped; says what it does to the world. */
  run(world: World): Promise<void>
  stop(): Promise<void>
}

export interface DemonstrationOptions {
  readonly data: string
  readonly databaseUrl: string
  readonly replay: boolean
}

export async function demonstrate(options: DemonstrationOptions): Promise<Demonstration> {
  if (options.replay) return replayCapture(options.data, "as asked for")
  ensurePackages()
  const support = labSupport()
  return support.available
    ? playStory(options.databaseUrl)
    : replayCapture(options.data, `a real dnsmasq cannot run here: ${support.reason}; ${support.remedy}`)
}
