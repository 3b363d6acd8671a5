/**
 * The registry's gRPC API as code: services and messages, generated from `proto/` and never written by hand.
 */
export { type BadRequest, BadRequestSchema } from "./gen/google/rpc/error_details_pb.ts"
export * from "./gen/leasehold/v1/access_pb.ts"
export * from "./gen/leasehold/v1/ipam_pb.ts"
export * from "./gen/leasehold/v1/policy_pb.ts"
export * from "./gen/leasehold/v1/server_pb.ts"
export * from "./gen/leasehold/v1/watcher_pb.ts"
