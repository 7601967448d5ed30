/** A text to write: SQL, JSON or a rule, with completion and marked errors. CodeMirror is loaded when the first one is drawn. */

import { Input } from '@mantine/core'
import { lazy, type RefObject, Suspense } from 'react'
import { Waiting } from './answer.tsx'

export interface CodeProblem {
  /** In characters from the start of the text. */
  readonly from: number
  readonly to: number
  readonly message: string
}

export interface CodeEditorProps {
  readonly label: string
  readonly value: string
  readonly onChange?: (text: string) => void
  readonly language: 'sql' | 'json' | 'filterql' | 'text'
  /** Tables and columns that SQL completion offers; words that the others offer. */
  readonly schema?: Readonly<Record<string, readonly string[]>>
  readonly words?: readonly string[]
  readonly problems?: readonly CodeProblem[]
  readonly readOnly?: boolean
  /** Ctrl+Enter. */
  readonly onRun?: () => void
  readonly minHeight?: string
  readonly maxHeight?: string
  /** What can be done with it from outside, once it is drawn. */
  readonly handle?: RefObject<EditorHandle | null>
}

export interface EditorHandle {
  /** In the place of what is selected, or where the caret stands; the editor is then written in. */
  insert(text: string): void
  /** Puts the caret there, in characters from the start, and writes on. */
  goTo(at: number): void
}

const Editor = lazy(() => import('./code-mirror.tsx'))

export function CodeEditor(props: CodeEditorProps) {
  return (
    <Input.Wrapper label={props.label} labelElement="div">
      <Suspense fallback={<Waiting lines={3} />}>
        <Editor {...props} />
      </Suspense>
    </Input.Wrapper>
  )
}
