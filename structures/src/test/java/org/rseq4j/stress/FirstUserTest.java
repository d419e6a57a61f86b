// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("jvm")
class FirstUserTest {
    @Test
    void noThreadKeepsWhatItsFirstUserHad() throws Exception {
        ChildJvm.run("nothing is kept", Map.of(), List.of("-Xmx256m"), FirstUser.class);
    }
}
