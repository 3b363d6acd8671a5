/** A real dnsmasq with real DHCP clients in private network namespaces; see `startLab`. */
export { type Dnsmasq, type DnsmasqSettings } from "./dnsmasqConf.ts"
export { type Lab, startLab } from "./Lab.ts"
export { type ClientLease, type LabClient, type LabClientOptions } from "./LabClient.ts"
export { addressBytes, addressText, type MessageType, type RawMessage, type RawReply } from "./packet.ts"
export { type RawClient, type RawSender } from "./RawSender.ts"
export { type LabSupport, labSupport } from "./support.ts"
