/** Linear equations A x = b whose A is symmetric and positive definite, by A = L Lᵀ (Cholesky). */

/** Puts L in the place of the lower half of A, which is given row by row, `count` of them. */
export function factorise(a: Float64Array, count: number): void {
  for (let row = 0; row < count; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let sum = a[row * count + column] ?? 0;
      for (let at = 0; at < column; at += 1) {
        sum -= (a[row * count + at] ?? 0) * (a[column * count + at] ?? 0);
      }
      const pivot = row === column ? 1 : (a[column * count + column] ?? 1);
      a[row * count + column] = row === column ? Math.sqrt(Math.max(sum, 1e-12)) : sum / pivot;
    }
  }
}

/** Puts x in the place of b; `factor` is L. */
export function solve(factor: Float64Array, b: Float64Array, count: number): void {
  for (let row = 0; row < count; row += 1) {
    let sum = b[row] ?? 0;
    for (let at = 0; at < row; at += 1) sum -= (factor[row * count + at] ?? 0) * (b[at] ?? 0);
    b[row] = sum / (factor[row * count + row] ?? 1);
  }
  for (let row = count - 1; row >= 0; row -= 1) {
    let sum = b[row] ?? 0;
    for (let at = row + 1; at < count; at += 1)
      sum -= (factor[at * count + row] ?? 0) * (b[at] ?? 0);
    b[row] = sum / (factor[row * count + row] ?? 1);
  }
}
