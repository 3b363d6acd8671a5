/** grpc.reflection.v1: tells clients such as grpcurl and buf curl what is served, so that they need no files. */
import { type DescFile, type DescService, type MessageInitShape, toBinary } from "@bufbuild/protobuf"
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt"
import { Code, type ServiceImpl } from "@connectrpc/connect"
import type {
  ServerReflection,
  ServerReflectionRequest,
  ServerReflectionResponseSchema
} from "@leasehold/registry-api/gen/grpc/reflection/v1/reflection_pb"

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>

export const reflectionService = (services: ReadonlyArray<DescService>) => {
  const files = new Map<string, DescFile>()
  const symbols = new Map<string, DescFile>()
  const add = (file: DescFile): void => {
    if (files.has(`${file.name}.proto`)) return
    files.set(`${file.name}.proto`, file)
    file.dependencies.forEach(add)
    for (const { typeName } of [...file.messages, ...file.enums, ...file.services]) symbols.set(typeName, file)
    for (const service of file.services) {
      for (const { name } of service.methods) symbols.set(`${service.typeName}.${name}`, file)
    }
  }
  services.forEach(({ file }) => add(file))

  /** The file and all that it is made of. */
  const withImports = (file: DescFile, found = new Map<string, Uint8Array>()): ReadonlyMap<string, Uint8Array> => {
    if (!found.has(file.name)) {
      found.set(file.name, toBinary(FileDescriptorProtoSchema, file.proto))
      file.dependencies.forEach((dependency) => withImports(dependency, found))
    }
    return found
  }
  const answerTo = ({ messageRequest: asked }: ServerReflectionRequest): Answer => {
    if (asked.case === "listServices") {
      return {
        case: "listServicesResponse",
        value: { service: services.map(({ typeName }) => ({ name: typeName })) }
      }
    }
    const file = asked.case === "fileByFilename"
      ? files.get(asked.value)
      : asked.case === "fileContainingSymbol"
      ? symbols.get(asked.value)
      : undefined
    return file === undefined
      ? { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: "nothing here has this name" } }
      : {
        case: "fileDescriptorResponse",
        value: { fileDescriptorProto: [...withImports(file).values()] }
      }
  }
  return {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        yield { validHost: request.host, originalRequest: request, messageResponse: answerTo(request) }
      }
    }
  } satisfies ServiceImpl<typeof ServerReflection>
}
