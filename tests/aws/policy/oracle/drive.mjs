// Answers simulations, one JSON document per line, with the evaluator installed in the working directory.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const { runSimulation } = createRequire(`${process.cwd()}/`)('@cloud-copilot/iam-simulate')

for await (const line of createInterface({ input: process.stdin })) {
  const found = await runSimulation(JSON.parse(line), {})
  const ignored = found.result?.ignoredContextKeys ?? []
  console.log(JSON.stringify({ result: found.overallResult, errors: found.errors, ignored }))
}
