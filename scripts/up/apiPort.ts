/** The port of the registry's API: the usual one, or any where another process has that one already. */
import { freePort } from "@leasehold/devstack"

const usual = 50_551

/** @param wanted what the environment says */
export const freeApiPort = async (wanted: string | undefined): Promise<number> => {
  if (wanted !== undefined && /^\d{1,5}$/u.test(wanted) && wanted !== "0") return Number(wanted)
  return wanted === "0" ? freePort() : freePort(usual).catch(() => freePort())
}
