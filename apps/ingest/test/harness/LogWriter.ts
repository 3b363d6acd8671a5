/** Writes a log as dnsmasq does, and rotates it as logrotate does: at once, or step by step so that others see it half done. */
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
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
  private *shifting(): Generator<void> {
    const base = `${basename(this.path)}.`
    const numbers = readdirSync(dirname(this.path)).filter((name) => name.startsWith(base)).map((name) =>
      Number(name.slice(base.length))
    )
    for (const n of numbers.toSorted((a, b) => b - a)) {
      renameSync(join(dirname(this.path), `${base}${n}`), join(dirname(this.path), `${base}${n + 1}`))
      yield
    }
  }

  *renaming(create: boolean): Generator<void> {
    if (!existsSync(this.path)) return
    yield* this.shifting()
    renameSync(this.path, `${this.path}.1`)
    yield
    if (create) closeSync(openSync(this.path, "a"))
  }

  *copyingAndTruncating(): Generator<void> {
    if (!existsSync(this.path)) return
    yield* this.shifting()
    const copy = openSync(`${this.path}.1`, "a")
    const bytes = readFileSync(this.path)
    const half = Math.floor(bytes.length / 2)
    for (const part of [bytes.subarray(0, half), bytes.subarray(half)]) {
      yield
      writeSync(copy, part)
    }
    closeSync(copy)
    yield
    truncateSync(this.path)
  }

  rename(create: boolean): void {
    atOnce(this.renaming(create))
  }

  copyAndTruncate(): void {
    atOnce(this.copyingAndTruncating())
  }
}

const atOnce = (steps: Generator<void>): void => {
  while (steps.next().done !== true);
}
