//! A native module that does nothing, to compare with.

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod native_floor {
    use pyo3::prelude::*;
    use pyo3::types::PyType;

    /// A class like the classifier.
    #[pyclass(subclass, frozen)]
    struct Nothing;

    #[pymethods]
    impl Nothing {
        /// Take a string as `classify_error` takes it, and return an object that is there already.
        #[classmethod]
        fn classify_error<'py>(cls: &Bound<'py, PyType>, error_message: &str) -> Bound<'py, PyType> {
            std::hint::black_box(error_message);
            cls.clone()
        }
    }
}
