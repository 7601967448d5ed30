/** Whether a receipt that somebody holds is as it was signed, and whether it was signed here. */

import { Alert, Button, FileButton } from '@mantine/core'
import { useState } from 'react'
import { FailureNote } from '../../elements/answer.tsx'
import { useVerify, VERDICTS } from './use-verify.ts'

const BYTES_MAX = 1_000_000

export function VerifyFile() {
  const verify = useVerify()
  const [problem, setProblem] = useState<string>()
  const take = async (file: File | null): Promise<void> => {
    if (file === null) return
    setProblem(undefined)
    verify.reset()
    try {
      if (file.size > BYTES_MAX) throw new SyntaxError('larger than any receipt')
      const { receipt, signature } = JSON.parse(await file.text()) as { receipt?: object; signature?: string }
      if (receipt === undefined || signature === undefined)
        throw new SyntaxError('without receipt or signature')
      verify.mutate({ receipt, signature })
    } catch (error) {
      setProblem(`${file.name} is no receipt: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const verdict = verify.data && VERDICTS[verify.data.verdict]
  return (
    <>
      <FileButton onChange={(file) => void take(file)} accept="application/json,.json">
        {(props) => (
          <Button {...props} variant="default" size="sm" loading={verify.isPending}>
            Verify a receipt
          </Button>
        )}
      </FileButton>
      {problem !== undefined && (
        <Alert color="red" variant="outline" role="alert">
          {problem}
        </Alert>
      )}
      {verify.error !== null && <FailureNote error={verify.error} />}
      {verdict !== undefined && (
        <Alert color={verdict.good ? 'green' : 'red'} variant="outline" role="status">
          {verdict.text}
        </Alert>
      )}
    </>
  )
}
