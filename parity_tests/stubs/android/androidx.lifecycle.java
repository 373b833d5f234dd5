// Signatures: https://developer.android.com/reference/androidx/lifecycle/LiveData
//             https://developer.android.com/reference/androidx/lifecycle/Observer
package androidx.lifecycle;

import androidx.annotation.NonNull;

public interface Observer<T> {
    void onChanged(T value);
}

public abstract class LiveData<T> {
    public void observe(@NonNull LifecycleOwner owner, @NonNull Observer<? super T> observer) {}
    public void removeObservers(@NonNull LifecycleOwner owner) {}
}
