/** How the console looks. Colours of text keep a contrast of 4.5 to 1 on every ground they are put on (WCAG AA). */

import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

/** Deep water: the colour of what can be pressed. */
const river: MantineColorsTuple = [
  '#e6f6f8',
  '#d0e9ed',
  '#a3d2da',
  '#72bac6',
  '#4ba6b6',
  '#3299ab',
  '#2093a7',
  '#0c7082',
  '#0b6272',
  '#004d5b',
]

export const theme = createTheme({
  primaryColor: 'river',
  primaryShade: { light: 8, dark: 7 },
  colors: { river },
  autoContrast: true,
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: {
    fontWeight: '650',
    sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.15rem' }, h3: { fontSize: '1rem' } },
  },
  components: { Modal: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } } },
})

export const colorVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#52606b',
    '--mantine-color-placeholder': '#5f6d78',
    '--mantine-color-anchor': '#0b6272',
    '--tw-ground': '#f4f7f8',
    '--tw-surface': '#ffffff',
    '--tw-line': '#d9e1e4',
    '--tw-good': '#0a6b45',
    '--tw-good-ground': '#def5e8',
    '--tw-wait': '#7a4d00',
    '--tw-wait-ground': '#fff0d2',
    '--tw-bad': '#a81e1e',
    '--tw-bad-strong': '#b42318',
    '--tw-bad-ground': '#fde5e3',
    '--tw-calm': '#44525c',
    '--tw-calm-ground': '#e8edef',
    '--tw-series-1': '#0b6272',
    '--tw-series-2': '#b4560b',
    '--tw-series-3': '#6741b8',
    '--tw-series-4': '#a81e1e',
  },
  dark: {
    '--mantine-color-body': '#11191d',
    '--mantine-color-dimmed': '#a3b1b8',
    '--mantine-color-placeholder': '#93a2aa',
    '--mantine-color-anchor': '#72bac6',
    '--tw-ground': '#0c1316',
    '--tw-surface': '#151f24',
    '--tw-line': '#2a383f',
    '--tw-good': '#6fdca6',
    '--tw-good-ground': '#103526',
    '--tw-wait': '#ffc863',
    '--tw-wait-ground': '#3b2b0b',
    '--tw-bad': '#ff9d95',
    '--tw-bad-strong': '#b42318',
    '--tw-bad-ground': '#431a1a',
    '--tw-calm': '#b6c3c9',
    '--tw-calm-ground': '#24323a',
    '--tw-series-1': '#72bac6',
    '--tw-series-2': '#f0a565',
    '--tw-series-3': '#b49af0',
    '--tw-series-4': '#ff9d95',
  },
})
