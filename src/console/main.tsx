import { createRoot } from 'react-dom/client'
import { Console } from './console.tsx'
import { nonce } from './nonce.ts'

// react-remove-scroll, under dialogs, asks for the nonce by this name.
Object.assign(globalThis, { __webpack_nonce__: nonce })

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root')
createRoot(root).render(<Console />)
