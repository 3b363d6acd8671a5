/**
 * Whether a MAC was most likely made up by its device for one network or one day: such systems get no reservation by
 * themselves.
 *
 * The locally administered bit says so, except under 52:54:00: QEMU and libvirt give these to virtual machines, for good.
 */
import { isLocallyAdministered, type Mac } from "@leasehold/events"

export const isMadeUp = (mac: Mac): boolean => isLocallyAdministered(mac) && !mac.startsWith("52:54:00:")
