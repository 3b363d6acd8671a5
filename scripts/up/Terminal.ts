/**
 * Shows the world on the terminal: a live screen where there is one, plain lines elsewhere.
 *
 * The live screen uses the terminal's second page, so that what stood there before comes back at the end.
 */
import { screen, type Shown, type Told } from "./Screen.ts"

export interface Terminal {
  readonly live: boolean
  /** A line for plain output; the live screen shows it by itself. */
  told(told: Told): void
  close(lastWords: ReadonlyArray<string>): void
}

export function openTerminal(shown: () => Shown, plain: boolean): Terminal {
  const out = process.stdout
  // Whoever reads our output may go away (`| head`): that is no reason to end.
  out.on("error", () => undefined)
  if (plain || !out.isTTY || process.env["TERM"] === "dumb") {
    return {
      live: false,
      told: ({ text, time }) => void out.write(`${time}  ${text}\n`),
      close: (lastWords) => void out.write(lastWords.map((line) => `${line}\n`).join(""))
    }
  }
  const colour = process.env["NO_COLOR"] === undefined || process.env["NO_COLOR"] === ""
  out.write("\u001b[?1049h\u001b[?25l")
  let before = ""
  const draw = () => {
    const lines = screen(shown(), { columns: out.columns, rows: out.rows, colour })
    const text = `\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`
    if (text !== before) out.write(text)
    before = text
  }
  const timer = setInterval(draw, 200)
  out.on("resize", draw)
  const restore = () => out.write("\u001b[?25h\u001b[?1049l")
  process.once("exit", restore)
  return {
    live: true,
    told: () => undefined,
    close: (lastWords) => {
      clearInterval(timer)
      out.off("resize", draw)
      process.off("exit", restore)
      restore()
      out.write(lastWords.map((line) => `${line}\n`).join(""))
    }
  }
}
