/** The layers of the registry, for whoever starts it inside another process. */
export { registryLayer } from "./daemon.ts"
