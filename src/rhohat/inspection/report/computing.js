// The model, computed here as it is in Python: steps, encoders, and the way back.

const { trial } = report;

/** Numbers from base64 of float32, unpacked when they are first needed. */
const unpacked = ((known) => (text) => {
  if (!known.has(text)) known.set(text, new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer));
  return known.get(text);
})(new Map());

/** W x + b, W row by row. */
function affine(x, { weights, bias }) {
  const matrix = unpacked(weights);
  return Float64Array.from(unpacked(bias), (start, row) => {
    let sum = start;
    for (let i = 0; i < x.length; i++) sum += matrix[row * x.length + i] * x[i];
    return sum;
  });
}

/** Activations by their names in Python, of all inputs z of a layer. */
const FUNCTIONS = {
  sigmoid: (z) => z.map((value) => 1 / (1 + Math.exp(-value))),
  tanh: (z) => z.map(Math.tanh),
  relu: (z) => z.map((value) => Math.max(value, 0)),
  identity: (z) => z,
  topk: (z, coder) => {
    const largest = [...z.keys()].sort((a, b) => z[b] - z[a] || a - b);
    const active = new Set(largest.slice(0, coder.n_active));
    return z.map((value, unit) => (active.has(unit) ? Math.max(value, 0) : 0));
  },
  batchtopk: (z, coder) => {
    const [t] = unpacked(coder.thresholds);
    return z.map((value) => (value > t ? value : 0));
  },
  jumprelu: (z, coder) => {
    const t = unpacked(coder.thresholds), { tau } = coder;
    return z.map((value, unit) => {
      const above = value - t[unit], u = above > 0 ? (tau ? Math.min(above / (tau * t[unit]), 1) : 1) : 0;
      return value * u ** 2 * (3 - 2 * u);
    });
  },
};

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const squaresOf = (values) => values.reduce((sum, value) => sum + value ** 2, 0);
const centered = (row) => {
  const mean = meanOf(row);
  return row.map((value) => value - mean);
};

/** A matrix, row by row, with its columns as rows. */
const turned = (matrix, columns) => {
  const rows = matrix.length / columns;
  return matrix.map((_, at) => matrix[(at % rows) * columns + Math.floor(at / rows)]);
};

/** A B', for A of n columns and B of as many. */
function timesTurned(a, b, n) {
  const [rows, columns] = [a.length / n, b.length / n], product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += a[i * n + k] * b[j * n + k];
      product[i * columns + j] = sum;
    }
  }
  return product;
}

/** Matrix of the orthonormal cosine transform of n values. */
const cosines = (n) => Float64Array.from({ length: n * n }, (_, at) => {
  const k = Math.floor(at / n);
  return Math.sqrt((k ? 2 : 1) / n) * Math.cos((Math.PI * (2 * (at % n) + 1) * k) / (2 * n));
});

/** The Fourier transform of a power of two of complex numbers, in place. */
function fourier(real, imaginary) {
  const n = real.length, swap = (values, i, j) => ([values[i], values[j]] = [values[j], values[i]]);
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) for (const values of [real, imaginary]) swap(values, i, j);
  }
  for (let half = 1; half < n; half *= 2) {
    for (let k = 0; k < half; k++) {
      const [cos, sin] = [Math.cos((Math.PI * k) / half), -Math.sin((Math.PI * k) / half)];
      for (let i = k; i < n; i += 2 * half) {
        const j = i + half, [x, y] = [real[j] * cos - imaginary[j] * sin, real[j] * sin + imaginary[j] * cos];
        [real[j], imaginary[j]] = [real[i] - x, imaginary[i] - y];
        real[i] += x;
        imaginary[i] += y;
      }
    }
  }
}

/** Steps before the units: what comes, and parameters, become what goes on. A step's `operation`, in Python, names its row. */
const STEPS = {
  one_over_f: ({ planes, height, width }, { cutoff, scale }) => {
    const up = cosines(height), across = cosines(width);
    const along = (plane, u, a) => turned(timesTurned(turned(timesTurned(plane, a, width), width), u, height), height);
    const gain = Float64Array.from({ length: height * width }, (_, at) => {
      const r = Math.hypot(Math.floor(at / width) / (2 * height), (at % width) / (2 * width));
      return (r * Math.exp(-((r / cutoff) ** 4))) / scale;
    });
    const filtered = (plane) => along(along(plane, up, across).map((value, at) => value * gain[at]), turned(up, height), turned(across, width));
    return { planes: planes.map(filtered), height, width };
  },
  patch: ({ planes, width }, { shape: [high, wide] }, { top, left }) => Float64Array.from({ length: high * wide * planes.length }, (_, at) => {
    const pixel = Math.floor(at / planes.length);
    return planes[at % planes.length][(top + Math.floor(pixel / wide)) * width + left + (pixel % wide)];
  }),
  normalize: (row, { scale, low, high }) => centered(row).map((value) => ((Math.max(-scale, Math.min(scale, value)) / scale + 1) * (high - low)) / 2 + low),
  contrast: (row, { epsilon }) => {
    const patch = centered(row), deviation = Math.sqrt(squaresOf(patch) / patch.length + epsilon);
    return patch.map((value) => value / deviation);
  },
  affine,
  waveform: ({ samples }) => {
    const wave = centered(samples), deviation = Math.sqrt(squaresOf(wave) / wave.length) || 1;
    return { planes: [wave.map((value) => value / deviation)], height: 1, width: wave.length };
  },
  spectrogram: ({ samples }, { length, hop, n_fft: size, edges, floor, normalize, rate }) => {
    const ends = unpacked(edges), height = ends.length - 2, width = 1 + Math.floor(samples.length / hop);
    const triangle = (band, frequency) => Math.max(0, Math.min((frequency - ends[band]) / (ends[band + 1] - ends[band]), (ends[band + 2] - frequency) / (ends[band + 2] - ends[band + 1])));
    const bands = Array.from({ length: height }, (_, row) => {
      const weights = Float64Array.from({ length: size / 2 + 1 }, (_, i) => triangle(height - 1 - row, (i * rate) / size));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return [...weights.entries()].filter(([, weight]) => weight > 0).map(([i, weight]) => [i, weight / total]);
    });
    const taper = Float64Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length)), plane = new Float64Array(height * width);
    for (let moment = 0; moment < width; moment++) {
      const begin = moment * hop - Math.floor(length / 2), [real, imaginary] = [new Float64Array(size), new Float64Array(size)];
      for (let i = 0; i < length; i++) real[i] = (samples[begin + i] ?? 0) * taper[i];
      fourier(real, imaginary);
      bands.forEach((band, row) => {
        for (const [i, weight] of band) plane[row * width + moment] += weight * (real[i] ** 2 + imaginary[i] ** 2);
      });
    }
    const peak = plane.reduce((most, power) => Math.max(most, power), 0) || 1, logs = plane.map((power) => Math.log(Math.max(power / peak, floor)));
    if (normalize === "none") return { planes: [logs], height, width };
    const parts = normalize === "band" ? Array.from({ length: height }, (_, row) => logs.slice(row * width, (row + 1) * width)) : [logs];
    const apart = Float64Array.from(parts.flatMap((part) => [...centered(part)])), deviation = Math.sqrt(squaresOf(apart) / apart.length);
    return { planes: [apart.map((value) => value / (deviation > 1e-6 ? deviation : 1))], height, width };
  },
};

const through = (steps, given, place) => steps.reduce((value, step) => STEPS[step.name](value, step.parameters, place), given);
const coded = (x, coder) => FUNCTIONS[coder.activation](affine(x, coder), coder);

/** What the first layer gets, the activations of all layers, and what they rebuild of it, if they do. */
function encoded(input) {
  const activations = [];
  for (const coder of trial.encoders) activations.push(coded(activations.at(-1) ?? input, coder));
  const rebuilt = trial.decoders.length ? trial.decoders.reduce(coded, activations.at(-1)) : null;
  return { input, activations, rebuilt };
}
