/** The renderer's own file, known by its first line: it shows what the registry has, and nobody writes there by hand. */
export const isOwnFile = (text: string): boolean => text.startsWith("# Written by Leasehold for ")
