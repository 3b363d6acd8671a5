/**
 * Wakes up when something happens to the files of a log, through the kernel's notices (inotify).
 *
 * A notice only saves waiting for the next poll: a directory that cannot be watched, or that is no longer the one that
 * was watched, costs latency and nothing else.
 */
import { Effect, Result } from "effect"
import { type FSWatcher, statSync, watch } from "node:fs"
import { basename, dirname } from "node:path"

export interface DirectoryWatch {
  /** Watches the directories of these files from now on, and no others. Cheap when nothing changed. */
  readonly follow: (files: ReadonlyArray<string>) => void
}

export const makeDirectoryWatch = (wake: () => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const watchers = new Map<string, { readonly inode: string; readonly watcher: FSWatcher }>()
      const forget = (key: string) => {
        watchers.get(key)?.watcher.close()
        watchers.delete(key)
      }
      const follow = (files: ReadonlyArray<string>) => {
        for (const key of watchers.keys()) if (!files.includes(key)) forget(key)
        for (const file of files) {
          const directory = dirname(file)
          const inode = Result.getOrUndefined(Result.try(() => {
            const { dev, ino } = statSync(directory, { bigint: true })
            return `${dev}:${ino}`
          }))
          if (inode !== undefined && watchers.get(file)?.inode === inode) continue
          forget(file)
          if (inode === undefined) continue
          // Rotated names count too: they go on being written for a while.
          const stem = basename(file).replace(/\.[^.]*$/u, "")
          const watcher = Result.getOrUndefined(Result.try(() =>
            watch(directory, { persistent: false }, (_, name) => {
              if (name === null || name.startsWith(stem)) wake()
            })
          ))
          watcher?.on("error", () => forget(file))
          if (watcher !== undefined) watchers.set(file, { inode, watcher })
        }
      }
      return { follow, close: () => [...watchers.keys()].forEach(forget) }
    }),
    ({ close }) => Effect.sync(close)
  )
