/**
 * Cholesky's decomposition of a symmetric positive definite matrix; gives a function that solves `matrix × x = right`.
 * A pivot that rounding has made zero or negative counts as tiny, so that the answer stays finite.
 */
export function solveSymmetric(matrix: readonly ArrayLike<number>[]): (right: readonly number[]) => number[] {
  const size = matrix.length;
  const lower = new Float64Array(size * size);
  const at = (row: number, column: number): number => lower[row * size + column] ?? 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i]?.[j] ?? 0;
      const a = i * size;
      const b = j * size;
      for (let k = 0; k < j; k++) sum -= (lower[a + k] ?? 0) * (lower[b + k] ?? 0);
      lower[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / at(j, j);
    }
  }
  return (right) => {
    const x = [...right];
    for (let i = 0; i < size; i++) {
      let sum = x[i] ?? 0;
      for (let k = 0; k < i; k++) sum -= at(i, k) * (x[k] ?? 0);
      x[i] = sum / at(i, i);
    }
    for (let i = size - 1; i >= 0; i--) {
      let sum = x[i] ?? 0;
      for (let k = i + 1; k < size; k++) sum -= at(k, i) * (x[k] ?? 0);
      x[i] = sum / at(i, i);
    }
    return x;
  };
}
