import { expect, test } from 'vitest';
import { formulaAt } from './r1c1';

test.each([
  ['=R[0]C[-1]*2', '=A2*2'],
  ['=SUM(R[-1]C[0]:R[1]C[1])', '=SUM(B1:C3)'],
  ['=R1C1+R[0]C3', '=$A$1+$C2'],
  ["='It''s R[0]C[0]'!R[0]C[0]", "='It''s R[0]C[0]'!B2"],
  ['="R[0]C[0] ""R[1]C[1]"""&R[3]C[0]', '="R[0]C[0] ""R[1]C[1]"""&B5'],
  ['=R[-5]C[0]', '=#REF!'],
  ['=PI()', '=PI()'],
  ['=SUM(C[0]:C[1])', null],
])('%s in B2', (formula, own) => {
  expect(formulaAt(formula, 1, 1)).toBe(own);
});
