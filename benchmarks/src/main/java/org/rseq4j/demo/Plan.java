// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.util.List;

/**
 * How the seconds of load are spent on each side: a quarter on what the server can answer, the rest on given rates.
 *
 * @param warmUpMillis of one round of warm-up
 * @param mostWarmUps pairs of such rounds after which the measuring begins, whether or not the JIT rests
 * @param saturationRounds for each side, with as many requests as the server answers
 * @param saturationMillis of one of them
 * @param percents of the saturation: the rates of the open loop
 * @param rateRounds for each side and rate
 * @param rateMillis of one of them
 */
record Plan(long warmUpMillis, int mostWarmUps, int saturationRounds, long saturationMillis, List<Integer> percents,
        int rateRounds, long rateMillis) {
    private static final List<Integer> PERCENTS = List.of(50, 70, 85, 95);
    private static final int MOST_ROUNDS = 5;
    private static final long ENOUGH_MILLIS = 3_000;

    /** For so many seconds of load, warm-up not counted; no rates: some that fit. */
    static Plan of(int seconds, int sides, List<Integer> rates) {
        List<Integer> percents = !rates.isEmpty() ? rates : seconds >= 30 ? PERCENTS : List.of(85);
        long millis = seconds * 1000L;
        long saturation = millis / 4 / sides;
        long each = millis * 3 / 4 / sides / percents.size();
        long warmUp = Math.clamp(millis / 20, 250, 2_000);
        int saturationRounds = rounds(saturation);
        int rateRounds = rounds(each);
        return new Plan(warmUp, Math.clamp(millis / 4 / sides / warmUp, 1, 12), saturationRounds,
                Math.max(250, saturation / saturationRounds), percents, rateRounds, Math.max(250, each / rateRounds));
    }

    private static int rounds(long millis) {
        return Math.clamp(millis / ENOUGH_MILLIS, 1, MOST_ROUNDS);
    }
}
