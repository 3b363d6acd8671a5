/** Values of enums as callers write them, for what they are told when one is none of them. */
import type { DescEnum } from "@bufbuild/protobuf"

/** `SCOPE_READ, SCOPE_OPERATE or SCOPE_ADMINISTER`: those that say something. */
export const enumNames = ({ values }: DescEnum): string =>
  values.flatMap(({ name, number }) => number === 0 ? [] : [name]).join(", ").replace(/, ([^,]*)$/u, " or $1")

/** The number where it is that of none. */
export const enumName = (desc: DescEnum, number: number): string | number => desc.value[number]?.name ?? number
