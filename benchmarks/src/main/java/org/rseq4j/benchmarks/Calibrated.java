// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.ArrayList;
import java.util.List;

/**
 * Work of a known length that nothing else can speed up: multiplications, each of which needs the one before. The shift
 * and the exclusive or between two of them keep the JIT from making one multiplication of several: it does where it
 * unrolls the loop.
 */
final class Calibrated {
    /** Multiplications in 100 ns on this machine. */
    static final int HUNDRED_NANOSECONDS = calibrate();

    private static final String NAME = Calibrated.class.getName();

    private Calibrated() {
    }

    static long multiply(long seed, int times) {
        long value = seed;
        for (int i = 0; i < times; i++) {
            value = (value ^ value >>> 29) * 6364136223846793005L + 1442695040888963407L;
        }
        return value;
    }

    /**
     * For the contenders' JVMs: the parent's calibration, so that all do the same work, and by the same code: were it
     * inlined, it would be unrolled in one contender's loop and not in another's.
     */
    static List<String> jvmArguments() {
        return List.of("-XX:CompileCommand=quiet", "-XX:CompileCommand=dontinline," + NAME + "::multiply",
                "-Drseq4j.bench.hundred=" + HUNDRED_NANOSECONDS);
    }

    /** The same, for suites of locks: also the mix of work inside and outside. */
    static List<String> lockArguments() {
        List<String> arguments = new ArrayList<>(jvmArguments());
        arguments.add("-Drseq4j.bench.inside=" + Integer.getInteger("rseq4j.bench.inside", 100));
        arguments.add("-Drseq4j.bench.outside=" + Integer.getInteger("rseq4j.bench.outside", 400));
        return arguments;
    }

    private static int calibrate() {
        int given = Integer.getInteger("rseq4j.bench.hundred", 0);
        if (given > 0) {
            return given;
        }
        long value = 1;
        double least = Double.MAX_VALUE;
        // Long enough for the JIT to have its say.
        long end = System.nanoTime() + 1_000_000_000L;
        while (System.nanoTime() < end) {
            long begun = System.nanoTime();
            value = multiply(value, 10_000);
            least = Math.min(least, System.nanoTime() - begun);
        }
        if (value == 0) {
            throw new AssertionError("the work was optimised away");
        }
        return Math.max(1, (int) Math.round(100 * 10_000 / least));
    }
}
