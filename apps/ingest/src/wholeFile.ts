/** Writes a small file so that it is whole at every instant, also after a loss of power: beside, synced, renamed. */
import { open, rename } from "node:fs/promises"

export const writeWhole = async (path: string, text: string): Promise<void> => {
  const handle = await open(`${path}.new`, "w", 0o640)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${path}.new`, path)
}
