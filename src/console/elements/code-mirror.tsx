/** The editor behind CodeEditor. */

import { autocompletion, completeFromList } from '@codemirror/autocomplete'
import { json } from '@codemirror/lang-json'
import { PostgreSQL, sql } from '@codemirror/lang-sql'
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { type Diagnostic, setDiagnostics } from '@codemirror/lint'
import { Annotation, Compartment, EditorState, type Extension, Prec } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { basicSetup } from 'codemirror'
import { useEffect, useRef } from 'react'
import { nonce } from '../nonce.ts'
import type { CodeEditorProps } from './code-editor.tsx'

const look = EditorView.theme({
  '&': {
    border: '1px solid var(--tw-line)',
    borderRadius: '6px',
    background: 'var(--tw-surface)',
    fontSize: '0.86rem',
  },
  '&.cm-focused': { outline: '2px solid var(--mantine-color-anchor)' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--mantine-color-text)' },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '.cm-gutters': {
    background: 'var(--tw-ground)',
    color: 'var(--mantine-color-dimmed)',
    borderRight: '1px solid var(--tw-line)',
  },
  '.cm-activeLine, .cm-activeLineGutter': {
    background: 'color-mix(in srgb, var(--tw-calm-ground) 50%, transparent)',
  },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': {
    background: 'color-mix(in srgb, var(--mantine-color-anchor) 25%, transparent) !important',
  },
  '.cm-tooltip': {
    background: 'var(--tw-surface)',
    border: '1px solid var(--tw-line)',
    color: 'var(--mantine-color-text)',
  },
})

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: 'var(--tw-series-1)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--tw-series-2)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--tw-series-3)' },
  { tag: [tags.lineComment, tags.blockComment], color: 'var(--mantine-color-dimmed)', fontStyle: 'italic' },
  { tag: [tags.propertyName, tags.typeName], color: 'var(--tw-series-1)' },
])

/**
 * What is typed over a selection is put in by the editor. Left to itself, the browser would keep the looks of the coloured words it replaces
 * as an inline style, which the policy of the page refuses, and says so each time.
 */
const typingOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { inputType, data, isComposing } = event
    const { from, to } = view.state.selection.main
    if (inputType !== 'insertText' || data === null || isComposing || from === to || view.state.readOnly)
      return false
    event.preventDefault()
    const insert = () =>
      view.state.update(view.state.replaceSelection(data), { userEvent: 'input.type', scrollIntoView: true })
    const isTaken = view.state
      .facet(EditorView.inputHandler)
      .some((handle) => handle(view, from, to, data, insert))
    if (!isTaken) view.dispatch(insert())
    return true
  },
})

/** Of a text that was given from outside: it is no change that anybody made here. */
const given = Annotation.define<boolean>()

function languageOf({ language, schema, words }: CodeEditorProps): Extension {
  if (language === 'sql')
    return sql({ dialect: PostgreSQL, upperCaseKeywords: false, ...(schema === undefined ? {} : { schema }) })
  if (language === 'json') return json()
  if (words === undefined) return []
  return autocompletion({ override: [completeFromList(words.map((label) => ({ label })))] })
}

export default function CodeMirror(props: CodeEditorProps) {
  const { label, value, readOnly = false, problems = [], minHeight = '96px', maxHeight = '480px' } = props
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(undefined)
  /** The handlers of the latest drawing: the editor outlives them. */
  const latest = useRef(props)
  latest.current = props
  const language = useRef(new Compartment())

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once; what changes is brought to it below
  useEffect(() => {
    if (place.current === null) return
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          EditorView.cspNonce.of(nonce),
          Prec.highest(
            keymap.of([
              {
                key: 'Mod-Enter',
                run: () => {
                  latest.current.onRun?.()
                  return latest.current.onRun !== undefined
                },
              },
            ]),
          ),
          basicSetup,
          typingOver,
          syntaxHighlighting(colours),
          look,
          EditorView.theme({ '.cm-scroller': { minHeight, maxHeight } }),
          EditorView.lineWrapping,
          // What scrolls has to be reached by keyboard: said for those who do not know that what is written in can be.
          EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
          EditorState.readOnly.of(readOnly),
          language.current.of(languageOf(props)),
          EditorView.updateListener.of((update) => {
            const isTyped = !update.transactions.some((one) => one.annotation(given))
            if (update.docChanged && isTyped) latest.current.onChange?.(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = editor
    const { handle } = props
    if (handle !== undefined)
      handle.current = {
        insert: (text) => {
          editor.dispatch(editor.state.replaceSelection(text))
          editor.focus()
        },
        goTo: (place) => {
          editor.dispatch({
            selection: { anchor: Math.min(place, editor.state.doc.length) },
            scrollIntoView: true,
          })
          editor.focus()
        },
      }
    return () => {
      if (handle !== undefined) handle.current = null
      editor.destroy()
    }
  }, [])

  useEffect(() => {
    const editor = view.current
    if (editor !== undefined && editor.state.doc.toString() !== value)
      editor.dispatch({
        changes: { from: 0, to: editor.state.doc.length, insert: value },
        annotations: given.of(true),
      })
  }, [value])

  // biome-ignore lint/correctness/useExhaustiveDependencies: what completion offers
  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(languageOf(props)) })
  }, [props.schema, props.words, props.language])

  useEffect(() => {
    const editor = view.current
    if (editor === undefined) return
    const end = editor.state.doc.length
    const marks: Diagnostic[] = problems.map(({ from, to, message }) => ({
      from: Math.min(from, end),
      to: Math.min(Math.max(to, from + 1), end),
      severity: 'error',
      message,
    }))
    editor.dispatch(setDiagnostics(editor.state, marks))
  }, [problems])

  return <div ref={place} />
}
