/** How the console is built: `npm run build:console`; `npm run dev:console` serves it from its sources beside a running hub. */

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const HUB = process.env.THALWEG_URL ?? 'http://127.0.0.1:7070'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    target: 'es2023',
    // A strict policy forbids styles and scripts in data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1_000,
  },
  server: { proxy: { '/api/v1': { target: HUB, changeOrigin: true }, '/healthz': HUB } },
})
