// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each line is what the functions of the kernel that are named in {@link KernelFacts} make of it. */
@Tag("java")
class KernelFactsTest {
    private static KernelFacts booted(String line) {
        return new KernelFacts(line, "7.3.4", null, false);
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', value = {
            // every value that kstrtobool takes, and some that it does not
            "rseq_debug=1;true", "rseq_debug=y;true", "rseq_debug=Yes;true", "rseq_debug=t;true",
            "rseq_debug=TRUE;true",
            "rseq_debug=on;true", "rseq_debug=ON;true", "rseq_debug=oN;true", "rseq_debug=enable;true",
            "rseq_debug=E;true", "rseq_debug=10;true", "rseq_debug=yellow;true",
            "rseq_debug=0;false", "rseq_debug=n;false", "rseq_debug=off;false", "rseq_debug=false;false",
            "rseq_debug=d;false", "rseq_debug=2;false", "rseq_debug=o;false", "rseq_debug=;false", "rseq_debug;false",
            "rseq_debug==1;false",
            // names
            "rseq-debug=1;true", "rseq_debugs=1;false", "xrseq_debug=1;false", "RSEQ_DEBUG=1;false",
            // the last valid one wins
            "rseq_debug=1 rseq_debug=0;false", "rseq_debug=0 quiet rseq-debug=1;true",
            "rseq_debug=1 rseq_debug=maybe;true",
            // spaces, quotes, and what is init's
            "ro  quiet\trseq_debug=1 ;true", "root=`x rseq_debug=1;true", "\"rseq_debug=1\";true",
            "rseq_debug=\"1\";true", "dyndbg=\"file a rseq_debug=1\";false", "\"a b\" rseq_debug=1;true",
            "quiet -- rseq_debug=1;false", "quiet \"--\" rseq_debug=1;false", "--x rseq_debug=1;true",
            "init=-- rseq_debug=1;true"})
    void theCommandLineIsReadAsTheKernelReadsIt(String line, boolean debugs) {
        assertEquals(debugs, booted(line).debugsRseq(), line);
    }

    @ParameterizedTest
    @CsvSource({"rseq_slice_ext=off,true", "rseq-slice-ext=0,true", "rseq_slice_ext=False,true",
            "rseq_slice_ext=on,false",
            // once off, nothing switches it on again
            "rseq_slice_ext=off rseq_slice_ext=on,true", "rseq_slice_ext=on rseq_slice_ext=n,true", "quiet,false",
            "rseq_slice_ext=o,false"})
    void theExtensionIsOffAtBoot(String line, boolean off) {
        assertEquals(off, booted(line).sliceExtensionIsOffAtBoot(), line);
    }

    @ParameterizedTest
    @CsvSource({"1,rseq_debug=0,false,true", "0,rseq_debug=1,true,false", ",quiet,true,true",
            ",rseq_debug=0,true,false",
            ",quiet,false,false", "unreadable,rseq_debug=1,false,true"})
    void theSwitchTellsMoreThanTheBootAndThatMoreThanTheBuild(String now, String line, boolean byDefault,
            boolean debugs) {
        assertEquals(debugs, new KernelFacts(line, "7.3.4", now, byDefault).debugsRseq());
    }

    @ParameterizedTest
    @CsvSource({"7.0.0-28-generic,true", "7.0.14-16-pve,true", "7.0.99,true", "7.1,true", "7.1.0-rc3,true",
            "7.1.10,true",
            "7.1.10-arch1-1,true", "7.1.11,false", "7.1.11-arch1-1,false", "7.1.12-201.fc44.x86_64,false",
            "7.1.3+deb14-amd64,true", "7.1.11-rc1,false", "7.2.0-rc7,true", "7.2.0-rc8,false", "7.2.0,false",
            "7.2.6+deb14-amd64,false", "7.3.4,false", "7.10.1,false", "6.18.44,false", "17.0.1,false",
            "7.1.99999999999,false", "unknown,false"})
    void aReleaseMayLockUp(String release, boolean may) {
        assertEquals(may, new KernelFacts("", release, null, false).mayLockUp(), release);
    }

    /** The table of docs/lab/kernels.md is that of {@link KernelFacts#FIXES}. */
    @Test
    void eachFixIsOnThePageWithItsSource() throws IOException {
        Path page = Path.of("../docs/lab/kernels.md");
        String text = Files.readString(Files.exists(page) ? page : Path.of("docs/lab/kernels.md"));
        for (KernelFacts.Fix fix : KernelFacts.FIXES) {
            String from = fix.patch() == KernelFacts.NEVER
                    ? "no release"
                    : "7." + fix.minor()
                            + (fix.patch() > 0 ? "." + fix.patch() : "");
            assertTrue(text.contains("| 7." + fix.minor() + " | " + from), fix::toString);
            assertTrue(text.contains(fix.source()), fix::toString);
        }
    }

    @Test
    void parametersKeepTheirValues() {
        assertEquals(
                List.of(new KernelFacts.Parameter("a", "b=c"), new KernelFacts.Parameter("d", null),
                        new KernelFacts.Parameter("e", "f g"), new KernelFacts.Parameter("h", "")),
                KernelFacts.parameters(" a=b=c d e=\"f g\" h= -- i"));
    }
}
