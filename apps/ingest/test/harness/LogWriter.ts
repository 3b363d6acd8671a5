/** Writes a log as dnsmasq does, and rotates it as logrotate does, each at once: nobody sees it half done. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  truncateSync,
  writeSync
} from "node:fs"
import { basename, dirname, join } from "node:path"

export class LogWriter {
  readonly path: string
  private fd: number

  constructor(path: string) {
    this.path = path
    this.fd = openSync(path, "a")
  }

  write(text: string): void {
    writeSync(this.fd, text)
  }

  /** What dnsmasq does on SIGUSR2. */
  reopen(): void {
    closeSync(this.fd)
    this.fd = openSync(this.path, "a")
  }

  close(): void {
    closeSync(this.fd)
  }

  /** `log` becomes `log.1`, that `log.2`, and so on. */
  private shift(): void {
    const base = `${basename(this.path)}.`
    const numbers = readdirSync(dirname(this.path)).filter((name) => name.startsWith(base)).map((name) =>
      Number(name.slice(base.length))
    )
    for (const n of numbers.toSorted((a, b) => b - a)) {
      renameSync(join(dirname(this.path), `${base}${n}`), join(dirname(this.path), `${base}${n + 1}`))
    }
  }

  rename(create: boolean): void {
    if (!existsSync(this.path)) return
    this.shift()
    renameSync(this.path, `${this.path}.1`)
    if (create) closeSync(openSync(this.path, "a"))
  }

  copyAndTruncate(): void {
    if (!existsSync(this.path)) return
    this.shift()
    copyFileSync(this.path, `${this.path}.1`)
    truncateSync(this.path)
  }
}
