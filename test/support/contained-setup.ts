/** Each thread says once what is refused; tests have it behind them. */
import { PageStore, Tracee } from 'pagestore'

const store = new PageStore()
Tracee.spawn(store, 'true', [], { onWarning: () => {} })
store.close()
