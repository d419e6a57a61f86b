// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

/**
 * How many objects of a pool ended without being discarded: they became unreachable in use, or an error came where an
 * object passes from one method to the next.
 *
 * <p>
 * Such an object would otherwise exist for ever, and with a maximum size keep its permit. So each of these places
 * catches what it can and counts the object here, by
 *
 * <pre>{@code
 * synchronized (losses) {
 *     try {
 *         losses.objects++;
 *     } catch (Throwable onEntry) {
 *         losses.objects++;
 *     }
 * }
 * }</pre>
 *
 * <p>
 * That is not a method, and there is no one place for it, because what is thrown may be a StackOverflowError: the call
 * of a method has no stack then either. It can be thrown at every call, so also between a public method and one that
 * would do this for all of them. To look for stack in front of a release ({@code Headroom}) costs a microsecond, a
 * hundred times what the release does.
 *
 * <p>
 * A monitor is entered without a call and without memory. But HotSpot's interpreter, once it holds the monitor, makes
 * sure of its stack, and throws there if it has too little (the end of {@code TemplateTable::monitorenter}). The first
 * instruction in the monitor counts as what threw, so the inner {@code try} catches that, still in the monitor. Every
 * other monitor that must be entered whatever was thrown has the same form ({@code MonitorsTest}).
 */
final class Losses {
    /** Changed under this object's monitor. */
    volatile int objects;
}
