export { type ErrorCode, PageStoreError } from './errors.js'
export {
  type MemoryKind,
  PageStore,
  type PageStoreOptions,
  type PageStoreStats,
  type PageStoreToken,
  pageSize,
} from './page-store.js'
